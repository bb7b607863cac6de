package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

// A product is a remote, a checkout of it, and a sync of its head to a directory that is not there yet.
type product struct {
	t        *testing.T
	remote   string
	checkout string
	git      *countedGit
	cache    string
}

// countedGit is git, until it has been called so often: then it is as if hotfix had been killed.
type countedGit struct {
	calls int
	last  int // 0: no end
	done  bool
}

var errKilled = errors.New("killed")

func (g *countedGit) Run(ctx context.Context, dir string, args ...string) (string, error) {
	g.calls++
	if g.last > 0 && g.calls > g.last {
		return "", errKilled
	}
	var stderr strings.Builder
	cmd := flow.Command(ctx, "git", args...)
	cmd.Dir, cmd.Stderr = dir, &stderr
	out, err := cmd.Output()
	if err == nil && g.last > 0 && g.calls == g.last && g.done {
		return "", errKilled // the call was made, nobody heard of it
	}
	return strings.TrimSuffix(string(out), "\n"), flow.ChildError(cmd, err, stderr.String())
}

func newProduct(t *testing.T) *product {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "gitconfig", "[user]\nname=U\nemail=u@example.com\n[protocol \"file\"]\nallow=always\n[init]\ndefaultBranch=master\n")
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(dir, "gitconfig"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	p := &product{t: t, remote: filepath.Join(dir, "remotes", "acme.git"), checkout: filepath.Join(dir, "acme"), git: &countedGit{}, cache: filepath.Join(dir, "cache")}
	p.run(dir, "init", "-q", "--bare", p.remote)
	p.run(dir, "clone", "-q", p.remote, p.checkout)
	write(t, p.checkout, "web/index.php", "<?php echo 1;\n")
	write(t, p.checkout, "web/ünï cöde\nand a line", "odd\n")
	write(t, p.checkout, ".gitignore", "*.log\n/vendor/\nsecrets.php\n")
	write(t, p.checkout, "bin/run.sh", "#!/bin/sh\n")
	must(t, os.Chmod(filepath.Join(p.checkout, "bin/run.sh"), 0o755))
	must(t, os.Symlink("web/index.php", filepath.Join(p.checkout, "link")))
	must(t, os.Symlink("nowhere", filepath.Join(p.checkout, "dangling")))
	p.commit("first")
	return p
}

func (p *product) run(dir string, args ...string) string {
	p.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("git %s: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits all there is and pushes it.
func (p *product) commit(subject string) string {
	p.t.Helper()
	p.run(p.checkout, "add", "-A")
	p.run(p.checkout, "commit", "-q", "-m", subject)
	p.run(p.checkout, "push", "-q", "origin", "HEAD")
	return p.head()
}

func (p *product) head() string { return p.run(p.checkout, "rev-parse", "HEAD") }

func (p *product) sync() *Sync {
	variables, err := NewVariables(Routine{Version: "16.03.1b"}, map[string]string{"DATA": "example"}, nil)
	must(p.t, err)
	return &Sync{
		Git: p.git, Repository: p.checkout, Remote: "origin", Commit: p.head(), Variables: variables, Cache: p.cache,
		Directory: Directory{Path: filepath.Join(filepath.Dir(p.checkout), "deep", "build")},
	}
}

// do plans and does it all, and returns what was done.
func do(ctx context.Context, s *Sync) ([]string, error) {
	actions, err := s.Plan(ctx)
	if _, ok := flow.NothingToDo(err); ok {
		return nil, nil
	}
	var done []string
	for _, action := range actions {
		if err := action.Do(ctx, flow.Silent{}); err != nil {
			return done, fmt.Errorf("%s: %w", action.What, err)
		}
		done = append(done, action.What)
	}
	return done, err
}

// settled fails unless the plan is empty, and returns the stamp.
func (p *product) settled(s *Sync) Stamp {
	p.t.Helper()
	actions, err := s.Plan(p.t.Context())
	if why, ok := flow.NothingToDo(err); !ok || !strings.HasPrefix(why, "holds ") {
		p.t.Fatalf("not settled: %v, %d actions %q", err, len(actions), first(actions).Details)
	}
	stamp, err := s.Directory.Stamp()
	must(p.t, err)
	if stamp.Commit != s.Commit {
		p.t.Fatalf("stamped %s, not %s", stamp.Commit, s.Commit)
	}
	return stamp
}

func mustDo(t *testing.T, s *Sync) []string {
	t.Helper()
	done, err := do(t.Context(), s)
	if err != nil {
		t.Fatalf("%v %v", err, flow.Hints(err))
	}
	return done
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

// content lists a tree: names, modes, texts; without .git.
func content(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, found os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if found.Name() == ".git" {
			if found.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		info, err := found.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		text := ""
		if info.Mode().IsRegular() {
			read, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text = string(read)
		} else if info.Mode()&os.ModeSymlink != 0 {
			text, _ = os.Readlink(path)
		}
		if name != "." {
			all[name] = info.Mode().String() + " " + text
		}
		return nil
	}))
	return all
}

func first(actions []flow.Action) flow.Action {
	if len(actions) == 0 {
		return flow.Action{}
	}
	return actions[0]
}
