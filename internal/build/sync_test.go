package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestSyncHoldsTheCommitAndNothingElse(t *testing.T) {
	p := newProduct(t)
	write(t, p.checkout, "not committed.php", "x")
	write(t, p.checkout, "debug.log", "x")
	write(t, p.checkout, "web/index.php", "edited, not committed")
	s := p.sync()
	if _, err := s.Directory.Stamp(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a stamp before the first sync: %v", err)
	}
	done := mustDo(t, s)
	if want := []string{"sync " + s.Directory.Path + " to " + short(s.Commit) + " (new)"}; !reflect.DeepEqual(done, want) {
		t.Errorf("did %q, want %q", done, want)
	}
	want := map[string]string{
		".gitignore": "-rw-r--r-- *.log\n/vendor/\nsecrets.php\n", "bin": "drwxr-xr-x ", "bin/run.sh": "-rwxr-xr-x #!/bin/sh\n",
		"dangling": "Lrwxrwxrwx nowhere", "link": "Lrwxrwxrwx web/index.php", "web": "drwxr-xr-x ",
		"web/index.php": "-rw-r--r-- <?php echo 1;\n", "web/ünï cöde\nand a line": "-rw-r--r-- odd\n",
	}
	if got := content(t, s.Directory.Path); !maps.Equal(got, want) {
		t.Errorf("it holds %q, want %q", got, want)
	}
	stamp := p.settled(s)
	fresh, err := Digest(t.Context(), s.Directory.Path)
	if err != nil || fresh != stamp.Content || len(fresh) != 64 {
		t.Errorf("stamped %s, holds %s, %v", stamp.Content, fresh, err)
	}
}

func TestSyncFollowsTheBranch(t *testing.T) {
	p := newProduct(t)
	mustDo(t, p.sync())
	must(t, os.Remove(filepath.Join(p.checkout, "link")))
	write(t, p.checkout, "web/index.php", "<?php echo 2;\n")
	must(t, os.Chmod(filepath.Join(p.checkout, "bin/run.sh"), 0o644))
	p.commit("second")
	s := p.sync()
	before := content(t, s.Directory.Path)
	actions, err := s.Plan(t.Context())
	must(t, err)
	if !strings.HasSuffix(actions[0].What, short(s.Commit)+" (3 files changed)") || !strings.Contains(strings.Join(actions[0].Details, "\n"), "bin/run.sh") {
		t.Errorf("the plan: %q %q", actions[0].What, actions[0].Details)
	}
	if !maps.Equal(before, content(t, s.Directory.Path)) {
		t.Error("the plan changed the directory")
	}
	mustDo(t, s)
	got := content(t, s.Directory.Path)
	if got["web/index.php"] != "-rw-r--r-- <?php echo 2;\n" || got["link"] != "" || !strings.HasPrefix(got["bin/run.sh"], "-rw-r--r--") {
		t.Errorf("it holds %q", got)
	}
	p.settled(s)
}

func TestSyncRemovesWhatIsLeftOver(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	mustDo(t, s)
	stamp, want := p.settled(s), content(t, s.Directory.Path)
	for name, spoil := range map[string]func(dir string){
		"untracked": func(dir string) { write(t, dir, "left/over", "x") },
		"ignored":   func(dir string) { write(t, dir, "vendor/a/b.log", "x") },
		"a repository": func(dir string) {
			p.run(dir, "init", "-q", "nested")
			write(t, dir, "nested/file", "x")
		},
		"edited":     func(dir string) { write(t, dir, "web/index.php", "<?php echo 9;\n") },
		"removed":    func(dir string) { must(t, os.Remove(filepath.Join(dir, "web/index.php"))) },
		"executable": func(dir string) { must(t, os.Chmod(filepath.Join(dir, "web/index.php"), 0o755)) },
		"a link": func(dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "web")))
			must(t, os.Symlink("/etc", filepath.Join(dir, "web")))
		},
		"another head":   func(dir string) { p.run(dir, "commit", "-q", "--allow-empty", "-m", "here") },
		"no stamp":       func(dir string) { must(t, s.Directory.unstamp()) },
		"a torn stamp":   func(dir string) { write(t, dir, ".git/hotfix/stamp.json", `{"commit":"`) },
		"a killed git":   func(dir string) { write(t, dir, ".git/index.lock", ""); must(t, s.Directory.unstamp()) },
		"a killed clone": func(dir string) { write(t, dir, unfinished+"/.git/config", "") },
	} {
		spoil(s.Directory.Path)
		if done := mustDo(t, s); len(done) != 1 {
			t.Errorf("%s: did %q", name, done)
		}
		if got := content(t, s.Directory.Path); !maps.Equal(got, want) {
			t.Errorf("%s: it holds %q", name, got)
		}
		if now := p.settled(s); now.Content != stamp.Content {
			t.Errorf("%s: another content", name)
		}
	}
}

func TestSyncRefusesWhatIsNotPushed(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	s.Unpushed = func(context.Context) ([]string, error) { return []string{"1234567 fix the login"}, nil }
	_, err := s.Plan(t.Context())
	if !errors.Is(err, flow.ErrUsage) || !strings.Contains(err.Error(), "1234567 fix the login") || !reflect.DeepEqual(flow.Hints(err), []string{"git push"}) {
		t.Errorf("Plan: %v, hints %q", err, flow.Hints(err))
	}
}

type published struct {
	why string
	ok  bool
}

func (p published) Published(context.Context) (string, bool, error) { return p.why, p.ok, nil }

func TestSyncLeavesAloneWhatIsPublished(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	s.Published = published{"the registry has it", true}
	_, err := s.Plan(t.Context())
	if why, ok := flow.NothingToDo(err); !ok || why != "the registry has it" {
		t.Errorf("Plan: %v", err)
	}
	s.Published = published{"", false}
	if done := mustDo(t, s); len(done) != 1 {
		t.Errorf("did %q", done)
	}
}

// Two people, two checkouts, two directories: one content.
func TestContentIsTheSameEverywhere(t *testing.T) {
	p := newProduct(t)
	p.run(filepath.Dir(p.checkout), "clone", "-q", p.remote, "another checkout")
	one, two := p.sync(), p.sync()
	two.Repository = filepath.Join(filepath.Dir(p.checkout), "another checkout")
	two.Directory.Path += " two"
	mustDo(t, one)
	t.Setenv("GIT_CONFIG_COUNT", "2")
	t.Setenv("GIT_CONFIG_KEY_0", "core.autocrlf")
	t.Setenv("GIT_CONFIG_VALUE_0", "true")
	t.Setenv("GIT_CONFIG_KEY_1", "status.showUntrackedFiles")
	t.Setenv("GIT_CONFIG_VALUE_1", "no")
	mustDo(t, two)
	if a, b := p.settled(one), p.settled(two); a.Content != b.Content {
		t.Errorf("%s and %s", a.Content, b.Content)
	}
	must(t, filepath.WalkDir(one.Directory.Path, func(path string, _ fs.DirEntry, err error) error {
		name, _ := filepath.Rel(one.Directory.Path, path)
		if err != nil || name == "." || strings.HasPrefix(name, ".git/") || name == ".git" {
			return err
		}
		a, err := os.Lstat(path)
		must(t, err)
		b, err := os.Lstat(filepath.Join(two.Directory.Path, name))
		must(t, err)
		if !a.ModTime().Equal(b.ModTime()) || a.Mode() != b.Mode() {
			t.Errorf("%q: %s %s and %s %s", name, a.Mode(), a.ModTime(), b.Mode(), b.ModTime())
		}
		return nil
	}))
}

// Killed before or after every call of git, the same again converges.
func TestSyncConvergesWhereverItIsKilled(t *testing.T) {
	p := newProduct(t)
	mustDo(t, p.sync())
	write(t, p.checkout, "web/index.php", "<?php echo 2;\n")
	p.commit("second")
	write(t, p.checkout, "secrets.php", "private")
	for _, done := range []bool{false, true} {
		for last := 1; ; last++ {
			s := p.sync()
			s.Directory = Directory{Path: filepath.Join(t.TempDir(), "build"), Private: []string{"secrets.php"}}
			s.Prepare = []Command{{Run: []string{"sh", "-c", "mkdir -p vendor && echo $DATA > vendor/x"}}}
			p.git.calls, p.git.last, p.git.done = 0, last, done
			_, err := do(t.Context(), s)
			calls := p.git.calls
			p.git.last = 0
			if err != nil && !strings.Contains(err.Error(), "killed") {
				t.Fatalf("after %d calls: %v", last, err)
			}
			mustDo(t, s)
			if got := content(t, s.Directory.Path); got["vendor/x"] != "-rw-r--r-- example\n" || got["secrets.php"] == "" || got["web/index.php"] != "-rw-r--r-- <?php echo 2;\n" {
				t.Fatalf("after %d calls: %q", last, got)
			}
			p.settled(s)
			if calls < last {
				break
			}
			if last > 100 {
				t.Fatal("it never ends")
			}
		}
	}
}

func TestSyncIsAloneInTheDirectory(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	actions, err := s.Plan(t.Context())
	must(t, err)
	unlock, err := s.Directory.Lock()
	must(t, err)
	if err := actions[0].Do(t.Context(), flow.Silent{}); !errors.Is(err, flow.ErrLocked) {
		t.Errorf("with another one in it: %v", err)
	}
	unlock()
	must(t, actions[0].Do(t.Context(), flow.Silent{}))
	p.settled(s)
}

func TestSyncFetchesWhatTheCheckoutDoesNotHave(t *testing.T) {
	p := newProduct(t)
	mustDo(t, p.sync())
	colleague := filepath.Join(filepath.Dir(p.checkout), "colleague")
	p.run(filepath.Dir(p.checkout), "clone", "-q", p.remote, colleague)
	write(t, colleague, "web/index.php", "<?php echo 3;\n")
	p.run(colleague, "commit", "-qam", "third")
	p.run(colleague, "push", "-q", "origin", "HEAD")
	s := p.sync()
	s.Commit = p.run(colleague, "rev-parse", "HEAD")
	mustDo(t, s)
	p.settled(s)
	s.Commit = fmt.Sprintf("%040d", 7)
	if _, err := do(t.Context(), s); err == nil || len(flow.Hints(err)) == 0 {
		t.Errorf("a commit that nobody has: %v", err)
	}
}
