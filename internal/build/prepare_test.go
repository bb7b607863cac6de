package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestPrivateFilesAreCopiedAndAreNoContent(t *testing.T) {
	p := newProduct(t)
	plain := p.sync()
	mustDo(t, plain)
	without := p.settled(plain)
	write(t, p.checkout, "deploy/config/secrets.php", "password")
	must(t, os.Chmod(filepath.Join(p.checkout, "deploy/config/secrets.php"), 0o600))
	s := p.sync()
	s.Directory.Private = []string{"deploy/config/secrets.php"}
	if done := mustDo(t, s); len(done) != 1 {
		t.Fatalf("did %q", done)
	}
	if got := content(t, s.Directory.Path)["deploy/config/secrets.php"]; got != "-rw------- password" {
		t.Errorf("the copy is %q", got)
	}
	with := p.settled(s)
	write(t, p.checkout, "deploy/config/secrets.php", "another")
	if done := mustDo(t, s); len(done) != 1 {
		t.Errorf("after a change of it: did %q", done)
	}
	if now := p.settled(s); now.Content != with.Content {
		t.Error("its text is part of the content")
	}
	must(t, os.Remove(filepath.Join(s.Directory.Path, "deploy/config/secrets.php")))
	mustDo(t, s)
	p.settled(s)
	mustDo(t, plain)
	if got := content(t, s.Directory.Path); got["deploy"] != "" || p.settled(plain).Content != without.Content {
		t.Errorf("no longer copied, but there: %q", got)
	}
}

func TestPrivateFilesAreRefused(t *testing.T) {
	p := newProduct(t)
	write(t, p.checkout, "directory/file", "x")
	for _, name := range []string{"none.php", "directory", "../outside", "/etc/passwd", "web/index.php", "./bin/run.sh", ""} {
		s := p.sync()
		s.Directory.Private = []string{name}
		_, err := s.Plan(t.Context())
		if !errors.Is(err, flow.ErrUsage) || len(flow.Hints(err)) == 0 {
			t.Errorf("copy %q: %v", name, err)
		}
		if _, err := s.Checks()[1].Do(t.Context()); err == nil {
			t.Errorf("copy %q: the check finds nothing", name)
		}
	}
}

// A link in the commit does not lead a private file out of the directory.
func TestPrivateFilesStayInside(t *testing.T) {
	p := newProduct(t)
	outside := t.TempDir()
	must(t, os.Symlink(outside, filepath.Join(p.checkout, "out")))
	p.commit("a link")
	must(t, os.Remove(filepath.Join(p.checkout, "out")))
	write(t, p.checkout, "out/secrets.php", "password")
	s := p.sync()
	s.Directory.Private = []string{"out/secrets.php"}
	if done, err := do(t.Context(), s); err == nil {
		t.Errorf("did %q", done)
	}
	if got := content(t, outside); len(got) != 0 {
		t.Errorf("outside is now %q", got)
	}
}

type transcript struct {
	flow.Silent
	bytes.Buffer
}

func (r *transcript) Write(p []byte) (int, error) { return r.Buffer.Write(p) }

func TestPrepareRunsInTheDirectoryWithTheVariables(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	secrets := &Secrets{Commands: map[string][]string{"TOKEN": {"echo", "s3cret-va1ue"}}}
	var err error
	s.Variables, err = NewVariables(Routine{Version: "16.03.1b"}, map[string]string{"DATA": "example"}, secrets)
	must(t, err)
	s.Prepare = []Command{
		{Run: []string{"sh", "-c", `printf "$VERSION $DATA ${#TOKEN}" > made; mkdir -p vendor/deep; touch vendor/deep/x; chmod 777 made vendor/deep`}},
		{Run: []string{"bin/run.sh"}},
	}
	if done := mustDo(t, s); len(done) != 3 || done[2] != "prepare: bin/run.sh" {
		t.Errorf("did %q", done)
	}
	got := content(t, s.Directory.Path)
	if got["made"] != "-rwxr-xr-x 16.03.1b example 12" || got["vendor/deep"] != "drwxr-xr-x " || got["vendor/deep/x"] != "-rw-r--r-- " {
		t.Errorf("it holds %q", got)
	}
	p.settled(s)
	s.Prepare[1].Run = []string{"sh", "-c", "echo $TOKEN; echo $TOKEN >&2; exit 3"}
	actions, err := s.Plan(t.Context())
	must(t, err)
	var out transcript
	for _, action := range actions {
		err = action.Do(t.Context(), &out)
	}
	if err == nil || strings.Contains(fmt.Sprint(err, flow.Hints(err)), "s3cret") || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error: %v", err)
	}
	if strings.Count(out.String(), "s3cret-va1ue\n") != 2 {
		t.Errorf("output: %q", out.String())
	}
	if _, err := s.Directory.Stamp(); err == nil {
		t.Error("stamped, though it was not prepared")
	}
}

type recorded struct {
	calls []string
	env   map[string]string
}

func (r *recorded) RunIn(_ context.Context, dir, service string, command []string, env map[string]string, _ flow.Report) error {
	r.calls = append(r.calls, strings.Join(append([]string{service}, command...), " "))
	r.env = env
	return os.WriteFile(filepath.Join(dir, "by-"+service), nil, 0o600)
}

func TestPrepareInAService(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	service := &recorded{}
	s.InService = service
	s.Prepare = []Command{{Run: []string{"composer", "install"}, In: "builder"}}
	if done := mustDo(t, s); done[1] != "prepare: composer install in builder" {
		t.Errorf("did %q", done)
	}
	if !reflect.DeepEqual(service.calls, []string{"builder composer install"}) || service.env["DATA"] != "example" {
		t.Errorf("ran %q with %q", service.calls, service.env)
	}
	if got := content(t, s.Directory.Path)["by-builder"]; got != "-rw-r--r-- " {
		t.Errorf("made %q", got)
	}
	p.settled(s)
}

func TestPrepareIsNotRunAgainOnTheSameInputs(t *testing.T) {
	p := newProduct(t)
	runs := filepath.Join(t.TempDir(), "runs")
	install := Command{
		Run:    []string{"sh", "-c", `echo run >> ` + runs + `; mkdir -p vendor/bin && cp deps.lock vendor/lock && ln -s ../lock vendor/bin/l && chmod +x vendor/lock && echo ok > done`},
		Inputs: []string{"deps.lock"}, Outputs: []string{"vendor", "done"},
	}
	sync := func() ([]string, Stamp) {
		s := p.sync()
		s.Prepare = []Command{install}
		done := mustDo(t, s)
		return done, p.settled(s)
	}
	ran := func() int {
		text, _ := os.ReadFile(runs)
		return bytes.Count(text, []byte("run"))
	}
	write(t, p.checkout, "deps.lock", "1")
	p.commit("a lock file")
	if done, _ := sync(); ran() != 1 || !strings.HasPrefix(done[1], "prepare: sh") {
		t.Fatalf("first: did %q, ran %d times", done, ran())
	}
	before := content(t, p.sync().Directory.Path)
	write(t, p.checkout, "unrelated", "x")
	p.commit("nothing to do with it")
	done, _ := sync()
	if ran() != 1 || !strings.HasPrefix(done[1], "restore vendor, done: the inputs of sh") {
		t.Errorf("same inputs: did %q, ran %d times", done, ran())
	}
	after := content(t, p.sync().Directory.Path)
	delete(after, "unrelated")
	if !reflect.DeepEqual(before, after) {
		t.Errorf("restored %q, made %q", after, before)
	}
	write(t, p.checkout, "deps.lock", "2")
	p.commit("another lock file")
	if done, _ := sync(); ran() != 2 || !strings.HasPrefix(done[1], "prepare: sh") {
		t.Errorf("other inputs: did %q, ran %d times", done, ran())
	}
	write(t, p.checkout, "deps.lock", "1")
	p.commit("back")
	if _, stamp := sync(); ran() != 2 || content(t, p.sync().Directory.Path)["vendor/lock"] != "-rwxr-xr-x 1" || stamp.Content == "" {
		t.Errorf("the first inputs again: ran %d times", ran())
	}
	install.Inputs = []string{"not-committed"}
	sync()
	if sync(); ran() != 3 {
		t.Errorf("an input that git does not know: ran %d times", ran())
	}
	install.Inputs, install.Outputs = []string{"deps.lock"}, []string{"nothing"}
	s := p.sync()
	s.Prepare = []Command{install}
	if _, err := do(t.Context(), s); err == nil || !strings.Contains(err.Error(), "did not make nothing") {
		t.Errorf("an output that is not made: %v", err)
	}
}

func TestOldOutputsAreForgotten(t *testing.T) {
	p := newProduct(t)
	for i := range 11 {
		write(t, p.checkout, "deps.lock", fmt.Sprint(i))
		p.commit("lock")
		s := p.sync()
		s.Prepare = []Command{{Run: []string{"cp", "deps.lock", "made"}, Inputs: []string{"deps.lock"}, Outputs: []string{"made"}}}
		mustDo(t, s)
	}
	kept, err := filepath.Glob(filepath.Join(p.cache, "prepared", "*"))
	if err != nil || len(kept) != 8 {
		t.Errorf("kept %d: %v", len(kept), err)
	}
}

// What a prepare command does to a private file is undone, and its copy is not kept with the outputs.
func TestPrivateFilesSurvivePrepare(t *testing.T) {
	p := newProduct(t)
	write(t, p.checkout, "config/secrets.php", "password-of-acme")
	s := p.sync()
	s.Directory.Private = []string{"config/secrets.php"}
	s.Prepare = []Command{{
		Run:    []string{"sh", "-c", "cat config/secrets.php > /dev/null && echo x > config/made"},
		Inputs: []string{"bin/run.sh"}, Outputs: []string{"config"},
	}}
	mustDo(t, s)
	kept, err := filepath.Glob(filepath.Join(p.cache, "prepared", "*.tar"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %q, %v", kept, err)
	}
	if text, err := os.ReadFile(kept[0]); err != nil || bytes.Contains(text, []byte("password")) || !bytes.Contains(text, []byte("config/made")) {
		t.Errorf("the private file is kept: %v", err)
	}
	must(t, s.Directory.unstamp())
	if done := mustDo(t, s); !strings.HasPrefix(done[1], "restore config") {
		t.Errorf("did %q", done)
	}
	if got := content(t, s.Directory.Path); got["config/secrets.php"] != "-rw-r--r-- password-of-acme" || got["config/made"] != "-rw-r--r-- x\n" {
		t.Errorf("it holds %q", got)
	}
	p.settled(s)
}
