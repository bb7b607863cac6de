package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"hotfix/internal/build"
	"hotfix/internal/gitflow"
	"hotfix/internal/sandbox"
)

// turns is how often each does the same.
const turns = 7

// finishes lets both finish the same hotfix, and compares what the server has then.
func (g *gitBench) finishes(ctx context.Context) ([]contest, error) {
	c := contest{what: "finish", beside: "git flow hotfix finish + git push"}
	for range turns {
		ours, err := g.finish(ctx, "ours", "hotfix finish --yes")
		if err != nil {
			return nil, err
		}
		theirs, err := g.finish(ctx, "theirs", "git flow hotfix finish -m 16.03.1b 16.03.1b && git push -q origin master develop refs/tags/16.03.1b")
		if err != nil {
			return nil, err
		}
		c.ours, c.theirs = append(c.ours, ours), append(c.theirs, theirs)
		if err := g.sh(ctx, g.dir, `
			for what in master develop 16.03.1b; do
				test "$(git -C ours/server.git rev-parse $what^{tree})" = "$(git -C theirs/server.git rev-parse $what^{tree})"
			done
			test "$(git -C ours/server.git branch)" = "$(git -C theirs/server.git branch)"`); err != nil {
			return nil, fmt.Errorf("both finished, and not alike: %w", err)
		}
	}
	logf("finish: %v, %v", c.ours, c.theirs)
	return []contest{c}, nil
}

// finish finishes a new hotfix in a fresh copy of the product.
func (g *gitBench) finish(ctx context.Context, name, command string) (time.Duration, error) {
	if err := g.sh(ctx, g.dir, "rm -rf "+name+" && cp -a product "+name); err != nil {
		return 0, err
	}
	clone := g.path(name, "clone")
	if err := g.sh(ctx, clone, `git switch -qc hotfix/16.03.1b && echo fix >>src/00/00/file0.php && git commit -qam fix
		git push -qu origin hotfix/16.03.1b && git status >/dev/null && sync .`); err != nil {
		return 0, err
	}
	return g.timed(ctx, clone, command)
}

// syncs brings a clean build directory to one more small commit, beside a fresh clone of it, and compares both.
func (g *gitBench) syncs(ctx context.Context) ([]contest, error) {
	c := contest{what: "sync of the build directory", beside: "git clone"}
	if err := g.sh(ctx, g.dir, "rm -rf ours theirs && cp -a product sync && mkdir build"); err != nil {
		return nil, err
	}
	for turn := range turns + 1 { // the first one makes the directory
		if err := g.sh(ctx, g.path("sync", "clone"), fmt.Sprintf(
			"for n in 0 1 2; do echo // %d >>src/0$n/00/file$n.php; done; git commit -qam change && git push -q origin master && sync .", turn)); err != nil {
			return nil, err
		}
		ours, err := g.sync(ctx)
		if err != nil {
			return nil, err
		}
		theirs, err := g.timed(ctx, g.dir, "rm -rf fresh && git clone -q sync/server.git fresh")
		if err != nil {
			return nil, err
		}
		if err := g.sh(ctx, g.dir, "diff -r --no-dereference --exclude=.git build fresh"); err != nil {
			return nil, fmt.Errorf("the directory is not what a clone is: %w", err)
		}
		if turn > 0 {
			c.ours, c.theirs = append(c.ours, ours), append(c.theirs, theirs)
		}
	}
	logf("sync: %v, %v", c.ours, c.theirs)
	return []contest{c}, nil
}

func (g *gitBench) sync(ctx context.Context) (time.Duration, error) {
	repository := g.path("sync", "clone")
	commit, err := gitflow.Git{}.Run(ctx, repository, "rev-parse", "HEAD")
	if err != nil {
		return 0, err
	}
	start := time.Now()
	err = do(ctx, &build.Sync{Git: gitflow.Git{}, Repository: repository, Remote: "origin", Commit: commit,
		Directory: build.Directory{Path: g.path("build")}})
	return time.Since(start), err
}

// starts is how long the program takes to come up.
func (g *gitBench) starts(ctx context.Context) (all []contest, err error) {
	for _, theirs := range []string{"docker", "git"} {
		if _, err := exec.LookPath(theirs); err != nil {
			continue
		}
		c := contest{what: "hotfix --help", beside: theirs + " --version"}
		for range 3 * turns {
			for command, times := range map[string]*[]time.Duration{c.what: &c.ours, c.beside: &c.theirs} {
				took, err := g.timed(ctx, g.dir, "exec "+command)
				if err != nil {
					return nil, err
				}
				*times = append(*times, took)
			}
		}
		all = append(all, c)
	}
	return all, nil
}

// status asks for the state of a live stack whose repository is as large.
func (g *gitBench) status(ctx context.Context) (all []contest, failure error) {
	engine, err := sandbox.Connect(ctx, logf)
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	if err := os.Mkdir(g.path("world"), 0o755); err != nil {
		return nil, err
	}
	w, err := sandbox.NewWorld(ctx, engine, g.path("world"), "", logf)
	if err != nil {
		return nil, err
	}
	defer func() { failure = errors.Join(failure, w.Close(context.WithoutCancel(ctx))) }()
	c, alone := contest{what: "status", beside: "git status"}, contest{what: "status, git's part", beside: "git status"}
	trace := g.path("trace")
	run := func(args ...string) (time.Duration, error) {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Dir, cmd.Env = w.Clone, append(append(os.Environ(), w.Env()...), "GIT_TRACE2_EVENT="+trace)
		start := time.Now()
		out, err := cmd.CombinedOutput()
		if err != nil {
			err = fmt.Errorf("%s: %w: %s", args[1], err, out)
		}
		return time.Since(start), err
	}
	for _, args := range [][]string{{g.path("hotfix"), "start", "16.03.1b"}, {"cp", "-a", g.path("product", "clone", "src"), "large"}} {
		if _, err := run(args...); err != nil {
			return nil, err
		}
	}
	if _, err := w.Patch(ctx, "Much more", nil); err != nil {
		return nil, err
	}
	for range turns {
		if err := os.Remove(trace); err != nil {
			return nil, err
		}
		ours, err := run(g.path("hotfix"), "status")
		if err != nil {
			return nil, err
		}
		part, err := spent(trace)
		if err != nil {
			return nil, err
		}
		theirs, err := run("git", "status")
		if err != nil {
			return nil, err
		}
		c.ours, c.theirs = append(c.ours, ours), append(c.theirs, theirs)
		alone.ours, alone.theirs = append(alone.ours, part), append(alone.theirs, theirs)
	}
	logf("status: %v, of which git %v, %v", c.ours, alone.ours, c.theirs)
	return []contest{c, alone}, nil
}

// spent is how long the git processes of a trace took, those that they started themselves included.
func spent(trace string) (total time.Duration, err error) {
	text, err := os.ReadFile(trace)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		var e struct {
			Event string  `json:"event"`
			SID   string  `json:"sid"` // parent/child
			Took  float64 `json:"t_abs"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return 0, err
		}
		if e.Event == "exit" && !strings.Contains(e.SID, "/") {
			total += time.Duration(e.Took * float64(time.Second))
		}
	}
	return total, nil
}
