package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"hotfix/internal/sandbox"
)

// refusal is a deploy that can't be: what is wrong, and what is said about it.
type refusal struct {
	name string
	args []string
	env  []string
	// wrong makes it so; what it registers with Cleanup takes it back.
	wrong func(t *testing.T)
	code  int
	says  string // a regular expression
	hint  string // the same
}

// TestRefusals: bad input, each with a clear error, the exit code, what to type, and nothing changed.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)
	for _, r := range refusals(t, w) {
		t.Run(r.name, func(t *testing.T) {
			before := look(t, w)
			t.Run("said", func(t *testing.T) { r.said(t, w) })
			same(t, "a refused deploy", before, look(t, w))
		})
	}
	t.Run("nobody to ask", func(t *testing.T) {
		before := look(t, w)
		r := must(t, w, exitUsage, "deploy")
		if r.took > time.Second || !strings.Contains(r.errs, "hint: run it in a terminal, or add --yes") {
			t.Errorf("after %s it says\n%s", r.took, r.errs)
		}
		same(t, "a refused deploy", before, look(t, w))
	})
	t.Run("a sound world has no complaint", func(t *testing.T) {
		before := look(t, w)
		must(t, w, exitDone, "doctor")
		must(t, w, exitDone, "deploy", "--dry-run")
		same(t, "looking", before, look(t, w))
	})
	t.Run("a taken port", func(t *testing.T) { portTaken(t, w) })
	serves(t, w, "Welcome to Acme")
	t.Run("a missing migration command", func(t *testing.T) { migrationMissing(t, w, sha) })
	t.Run("a patch that would lose another", func(t *testing.T) { notDescending(t, w) })
	t.Run("unreachable registry", func(t *testing.T) { registryGone(t, w) }) // it stays so
}

// refusals are all that can be refused before the first change.
func refusals(t *testing.T, w *sandbox.World) []refusal {
	develop, err := w.Git(t.Context(), "rev-parse", "--short=7", "develop")
	if err != nil {
		t.Fatal(err)
	}
	host := regexp.QuoteMeta(w.Registry.Host)
	return []refusal{
		{name: "unknown sha", args: []string{"--sha", "deadbee"}, code: exitUsage,
			says: `the stack does not run deadbee:\n +php\w+ runs .*` + w.SHA, hint: "leave --sha out"},
		{name: "a sha that does not run", args: []string{"--sha", develop}, code: exitUsage, says: "the stack does not run " + develop, hint: "leave --sha out"},
		{name: "no such stack", args: []string{"--stack", "staging"}, code: exitUsage, says: `no stack "staging"`, hint: "its stacks: production"},
		{name: "no such phase", args: []string{"--only", "polish"}, code: exitUsage, says: `no phase "polish"`, hint: "the phases: .*sync, verify, build, push"},
		{name: "a phase that can't be skipped", args: []string{"--skip", "push", "--reason", "haste"}, code: exitUsage, says: "push can't be skipped", hint: "verify, migrate, purge"},
		{name: "skipped for no reason", args: []string{"--skip", "verify"}, code: exitUsage, says: "needs a reason", hint: "--reason"},
		{name: "the wrong name typed", args: []string{"--confirm", "acme"}, code: exitUsage, says: `wants "` + w.Stack + `" to be typed`, hint: "--confirm " + w.Stack},
		{name: "unpushed commits", wrong: func(t *testing.T) { commitHere(t, w, "Forgotten", "--allow-empty") }, code: exitUsage,
			says: `not pushed yet:\n.*Forgotten`, hint: "git push"},
		{name: "a typo in hotfix.yml", wrong: func(t *testing.T) { pushed(t, w, "images:", "imagess:") }, code: exitUsage,
			says: `hotfix.yml:\d+:\d+: .*imagess`, hint: "."},
		{name: "a typo in --config", args: []string{"--config", edited(t, w, "canary:", "canari:")}, code: exitUsage,
			says: `hotfix.yml:\d+:\d+: .*canari`, hint: "."},
		{name: "unreachable engine", env: []string{"DOCKER_HOST=unix://" + filepath.Join(w.Dir, "nowhere.sock")}, code: exitFailed,
			says: "nowhere.sock", hint: "docker"},
		{name: "unreachable remote", wrong: func(t *testing.T) { renamed(t, w.Remote) }, code: exitFailed, says: "origin|acme.git", hint: "git"},
		{name: "unreachable Cloudflare", env: []string{"CLOUDFLARE_BASE_URL=http://127.0.0.1:1/client/v4"}, code: exitFailed,
			says: `purge permission on Cloudflare zone example.com: .*refused`, hint: "."},
		{name: "a token without the scope", wrong: func(t *testing.T) { replaced(t, w.Dir+"/secrets/cloudflare-token", w.Cloudflare.ReadOnly+"\n") }, code: exitFailed,
			says: `purge permission on Cloudflare zone example.com: .*Authentication error`, hint: "Cache Purge"},
		{name: "a token that is gone", wrong: func(t *testing.T) { renamed(t, w.Dir+"/secrets/cloudflare-token") }, code: exitFailed,
			says: `hotfix: secret CLOUDFLARE_API_TOKEN: cat: exit status 1: .*cloudflare-token`, hint: "secrets"},
		{name: "wrong registry password", env: []string{"DOCKER_CONFIG=" + stranger(t, w)}, code: exitFailed,
			says: host + " refused the credentials", hint: "docker login " + host},
		{name: "a build directory below a file", args: []string{"--config", edited(t, w, "\nbuild:\n", "\nbuild:\n  directory: "+w.Clone+"/hotfix.yml/build\n")}, code: exitUsage,
			says: "hotfix.yml/build", hint: "build.directory"},
		{name: "somebody else's build directory", args: []string{"--config", edited(t, w, "\nbuild:\n", "\nbuild:\n  directory: "+w.Registry.DockerConfig+"\n")}, code: exitUsage,
			says: "hotfix did not put there", hint: "build.directory"},
	}
}

// said runs the deploy and checks its words.
func (r refusal) said(t *testing.T, w *sandbox.World) {
	if r.wrong != nil {
		r.wrong(t)
	}
	cmd := program(t.Context(), w, append([]string{"deploy", "--yes", "--confirm", w.Stack}, r.args...)...)
	cmd.Env = append(cmd.Env, r.env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	_ = cmd.Run()
	said := out.String()
	t.Log(said)
	if code := cmd.ProcessState.ExitCode(); code != r.code {
		t.Errorf("exit %d, want %d", code, r.code)
	}
	if !regexp.MustCompile(r.says).MatchString(said) {
		t.Errorf("it does not say %s", r.says)
	}
	if !regexp.MustCompile(`(?m)^ +hint: .*` + r.hint).MatchString(said) {
		t.Errorf("it does not hint at %s", r.hint)
	}
	if strings.Contains(said, "●") {
		t.Error("it has begun something")
	}
}

// portTaken: the port that verification wants is somebody's; told before anything is started.
func portTaken(t *testing.T, w *sandbox.World) {
	port := regexp.MustCompile(`VERIFY_PORT: "(\d+)"`).FindStringSubmatch(read(t, w, "hotfix.yml"))[1]
	listener, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	before := look(t, w)
	r := must(t, w, exitFailed, "deploy", "--yes", "--confirm", w.Stack)
	if !strings.Contains(r.errs, "service web wants port "+port+", which is taken") || !strings.Contains(r.errs, "hint: see by whom, and stop it: ss -ltnp") {
		t.Errorf("it says\n%s", r.errs)
	}
	same(t, "a deploy that found the port taken", before, look(t, w), kindLog, kindCache)
}

// registryGone: the registry does not answer.
func registryGone(t *testing.T, w *sandbox.World) {
	if err := w.Registry.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := func() snapshot {
		s := snapshot{}
		s.git(t, w)
		s.engine(t, w)
		s.files(t, kindLog, filepath.Join(w.Clone, ".git", "hotfix"), true)
		return s
	}
	before := state()
	refusal{args: []string{"16.03.1b"}, code: exitFailed, says: regexp.QuoteMeta(w.Registry.Host) + ".*refused", hint: "see whether .* is up and reachable"}.said(t, w)
	same(t, "a deploy without a registry", before, state())
}

// commitHere commits in the developer's clone, and takes it back at the end of the test.
func commitHere(t *testing.T, w *sandbox.World, message string, args ...string) {
	t.Helper()
	git(t, w, append([]string{"commit", "--quiet", "-m", message}, args...)...)
	t.Cleanup(func() { git(t, w, "reset", "--quiet", "--hard", "HEAD~1") })
}

// pushed commits an edited hotfix.yml and pushes it, until the end of the test.
func pushed(t *testing.T, w *sandbox.World, old, text string) {
	t.Helper()
	t.Cleanup(func() { git(t, w, "push", "--quiet", "--force", "origin", "HEAD") })
	edit := strings.Replace(read(t, w, "hotfix.yml"), old, text, 1)
	if err := os.WriteFile(filepath.Join(w.Clone, "hotfix.yml"), []byte(edit), 0o644); err != nil {
		t.Fatal(err)
	}
	commitHere(t, w, "Edit hotfix.yml", "-a")
	git(t, w, "push", "--quiet")
}

func git(t *testing.T, w *sandbox.World, args ...string) {
	t.Helper()
	if _, err := w.Git(context.WithoutCancel(t.Context()), args...); err != nil {
		t.Fatal(err)
	}
}

// edited is a copy of hotfix.yml with another text in it, for --config.
func edited(t *testing.T, w *sandbox.World, old, text string) string {
	t.Helper()
	yml := read(t, w, "hotfix.yml")
	if !strings.Contains(yml, old) {
		t.Fatalf("hotfix.yml has no %q", old)
	}
	file := filepath.Join(t.TempDir(), "hotfix.yml")
	if err := os.WriteFile(file, []byte(strings.Replace(yml, old, text, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// renamed takes a file away until the end of the test.
func renamed(t *testing.T, file string) {
	t.Helper()
	if err := os.Rename(file, file+".gone"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Rename(file+".gone", file) })
}

// replaced gives a file another content until the end of the test.
func replaced(t *testing.T, file, content string) {
	t.Helper()
	was, err := os.ReadFile(file)
	if err == nil {
		err = os.WriteFile(file, []byte(content), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile(file, was, 0o600) })
}

// stranger is a DOCKER_CONFIG that trusts the registry and has a wrong password for it.
func stranger(t *testing.T, w *sandbox.World) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(w.Registry.DockerConfig)); err != nil {
		t.Fatal(err)
	}
	auth := base64.StdEncoding.EncodeToString([]byte(w.Registry.User + ":not-the-password"))
	config := fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, w.Registry.Host, auth)
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}
