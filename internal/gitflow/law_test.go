package gitflow

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"hotfix/internal/flow"
)

// shim stands before git: it lets a number of changing calls through, and fails from then on, as after a kill. Calls
// that only make objects don't count: nobody sees these.
const shim = `#!/bin/sh
case " $* " in
*" fetch "*|*" push "*|*" branch "*|*" checkout "*|*" update-ref "*|*" merge "*) ;;
*" config --get"*|*" --get "*|*" config --file "*) exec %[1]s "$@" ;;
*" config "*) ;;
*) exec %[1]s "$@" ;;
esac
n=$(cat %[2]s)
[ "$n" -gt 0 ] || { echo "killed before: $*" >&2; exit 137; }
echo $((n-1)) > %[2]s
exec %[1]s "$@"
`

// killAfter makes git fail after so many changing calls, until the returned function is called.
func killAfter(t *testing.T, calls int) (revive func()) {
	t.Helper()
	real, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, "left", fmt.Sprintln(calls))
	write(t, dir, "git", fmt.Sprintf(shim, real, filepath.Join(dir, "left")))
	if err := os.Chmod(filepath.Join(dir, "git"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := os.Getenv("PATH")
	t.Setenv("PATH", dir+":"+path)
	return func() { os.Setenv("PATH", path) }
}

// law checks the law of package flow for a phase that starts from what setup returns.
func law(t *testing.T, setup product, phase func(t *testing.T, dir string) flow.Phase, good func(t *testing.T, p product, clone string)) {
	for calls := 0; ; calls++ {
		p := product{t.TempDir()}
		copyTree(t, setup.root, p.root)
		sh(t, p.clone(), "remote", "set-url", "origin", p.server())
		if calls == 0 {
			mustKeep(t, p.root, func() {
				if actions, _, err := plan(phase(t, p.clone())); err != nil || len(actions) == 0 {
					t.Fatalf("want a plan, got %v, %v", actions, err)
				}
			})
		}
		actions, _, err := plan(phase(t, p.clone()))
		if err != nil {
			t.Fatal(err)
		}
		revive := killAfter(t, calls)
		var killed error
		for _, a := range actions {
			if killed == nil {
				killed = a.Do(t.Context(), flow.Silent{})
			}
		}
		revive()
		elsewhere := product{t.TempDir()}
		copyTree(t, p.root, elsewhere.root)
		if killed != nil {
			t.Logf("killed after %d: %v", calls, killed)
			mustRun(t, phase(t, p.clone()))
		}
		mustRest(t, phase(t, p.clone()))
		good(t, p, p.clone())

		colleague := elsewhere.again(t, "colleague")
		mustRun(t, phase(t, colleague))
		mustRest(t, phase(t, colleague))
		good(t, elsewhere, colleague)
		if killed == nil {
			if calls < 3 {
				t.Fatalf("only %d changing calls were seen: the shim sees nothing", calls)
			}
			return
		}
	}
}

func TestStartKeepsTheLaw(t *testing.T) {
	started := func(t *testing.T, p product, clone string) {
		t.Helper()
		if got := sh(t, clone, "symbolic-ref", "--short", "HEAD"); got != "hotfix/16.03.1a" {
			t.Errorf("on %s", got)
		}
		here, there := sh(t, clone, "rev-parse", "HEAD"), sh(t, p.server(), "rev-parse", "hotfix/16.03.1a", "16.03.1^{}")
		if there != here+"\n"+here {
			t.Errorf("here %s, branch and release there %s", here, there)
		}
		if got := sh(t, clone, "rev-parse", "--abbrev-ref", "@{upstream}"); got != "origin/hotfix/16.03.1a" {
			t.Errorf("follows %s", got)
		}
		if got := sh(t, clone, "config", "gitflow.branch.hotfix/16.03.1a.base"); got != "master" {
			t.Errorf("base %s", got)
		}
		if got := sh(t, clone, "status", "--porcelain"); got != "" {
			t.Errorf("not clean: %s", got)
		}
	}
	law(t, newProduct(t), func(t *testing.T, dir string) flow.Phase { return starter(t, dir, "16.03.1a") }, started)
}

func TestFinishKeepsTheLaw(t *testing.T) {
	setup := patched(t)
	head := sh(t, setup.clone(), "rev-parse", "HEAD")
	finished := func(t *testing.T, p product, clone string) {
		t.Helper()
		if got := sh(t, p.server(), "for-each-ref", "--format=%(refname)"); got !=
			"refs/heads/develop\nrefs/heads/master\nrefs/tags/16.03.1\nrefs/tags/16.03.1a" {
			t.Errorf("on the server: %s", got)
		}
		if got := sh(t, p.server(), "rev-parse", "master^2", "16.03.1a^2"); got != head+"\n"+head {
			t.Errorf("merged into master, and tagged: %s", got)
		}
		if got, want := sh(t, p.server(), "rev-parse", "develop^2"), sh(t, p.server(), "rev-parse", "master"); got != want {
			t.Errorf("merged into develop: %s, want %s", got, want)
		}
		for _, ref := range []string{"master", "develop", "16.03.1a"} {
			here, err := (Git{}).Run(t.Context(), clone, "rev-parse", "-q", "--verify", ref+"^{}")
			if err != nil || ref == sh(t, clone, "branch", "--show-current") && clone != p.clone() {
				continue // a colleague has no such branch, or sits on it
			}
			if there := sh(t, p.server(), "rev-parse", ref+"^{}"); here != there {
				t.Errorf("%s here is %s, there %s", ref, here, there)
			}
		}
		if got := sh(t, clone, "branch", "--list", "-a", "*hotfix*"); got != "" {
			t.Errorf("left: %s", got)
		}
		if got := sh(t, clone, "status", "--porcelain"); got != "" {
			t.Errorf("not clean: %s", got)
		}
	}
	law(t, setup, func(t *testing.T, dir string) flow.Phase { return finisher(t, dir, "16.03.1a") }, finished)
}
