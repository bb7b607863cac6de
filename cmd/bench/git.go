package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"hotfix/internal/flow"
)

// gits measures what hotfix does with git in a large repository, all of it in turns with what people use today.
func gits(ctx context.Context, s scale) (failure error) {
	dir, err := os.MkdirTemp("", "hotfix-bench-")
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, os.RemoveAll(dir)) }()
	g := &gitBench{dir: dir}
	logf("building hotfix, writing %d files", s.files)
	if err := g.prepare(ctx, s.files); err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d files, medians\tseconds\tof\tseconds\tfaster\t\n", s.files)
	for _, part := range []func(context.Context) ([]contest, error){g.finishes, g.syncs, g.starts, g.status} {
		all, err := part(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			ours, theirs := median(c.ours), median(c.theirs)
			fmt.Fprintf(w, "%s\t%.3f\t%s\t%.3f\t%.1f×\t\n", c.what, ours.Seconds(), c.beside, theirs.Seconds(), theirs.Seconds()/ours.Seconds())
		}
	}
	return w.Flush()
}

// A contest is two ways to the same end, in turns.
type contest struct {
	what, beside string
	ours, theirs []time.Duration
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// gitBench is the program, and a large product to try it on.
type gitBench struct{ dir string }

func (g *gitBench) path(name ...string) string {
	return filepath.Join(append([]string{g.dir}, name...)...)
}

// prepare builds the program and makes a product: a server, and a clone of it that git-flow knows.
func (g *gitBench) prepare(ctx context.Context, files int) error {
	config := "[user]\nname = bench\nemail = bench@example.com\n[gc]\nauto = 0\n[maintenance]\nauto = false\n[init]\ndefaultBranch = master\n"
	if err := errors.Join(tree(g.path("product", "clone"), files, int64(files)*2000),
		os.WriteFile(g.path(".gitconfig"), []byte(config), 0o644)); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", g.path("hotfix"), "./cmd/hotfix")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building hotfix: %w: %s", err, out)
	}
	return g.sh(ctx, g.path("product", "clone"), `
		git init -q --bare ../server.git
		git init -q && git remote add origin ../server.git
		for pair in branch.master=master branch.develop=develop prefix.hotfix=hotfix/ prefix.release=release/ \
			prefix.feature=feature/ prefix.bugfix=bugfix/ prefix.support=support/ prefix.versiontag=; do
			git config gitflow.${pair%%=*} "${pair#*=}"
		done
		git add -A && git commit -qm tree && git tag -am 16.03.1 16.03.1
		git switch -qc develop && echo more >more && git add more && git commit -qm more && git switch -q master
		git repack -adq && git push -q origin master develop 16.03.1 && git -C ../server.git repack -adq`)
}

// sh runs a shell command with nothing of the user's around it.
func (g *gitBench) sh(ctx context.Context, dir, script string) error {
	cmd := flow.Command(ctx, "sh", "-euc", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+g.dir, "XDG_CONFIG_HOME="+g.dir, "XDG_CACHE_HOME="+g.path("cache"), "GIT_CONFIG_NOSYSTEM=1",
		"GIT_MERGE_AUTOEDIT=no", "PATH="+g.dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return flow.ChildError(cmd, err, strings.TrimSpace(string(out)))
}

// timed is how long it takes.
func (g *gitBench) timed(ctx context.Context, dir, script string) (time.Duration, error) {
	start := time.Now()
	err := g.sh(ctx, dir, script)
	return time.Since(start), err
}
