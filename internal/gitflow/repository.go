package gitflow

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// A Repository is the user's clone of the product.
type Repository struct {
	git     Git
	dir     string // top of the working tree
	gitDir  string // this working tree's .git
	common  string // the .git that all its working trees share
	objects string // where new objects go
	config  map[string]string
	known   *sync.Map // of commits, which never change, and the configuration
	heard   *heard
	reader
}

// Open opens the repository that dir is in, with git's defaults.
func Open(ctx context.Context, dir string) (*Repository, error) { return Git{}.Open(ctx, dir) }

// Open opens the repository that dir is in.
func (g Git) Open(ctx context.Context, dir string) (*Repository, error) {
	r := &Repository{git: g, known: &sync.Map{}, heard: &heard{}}
	var group errgroup.Group
	var unusable error // says more than what fails because of it
	group.Go(func() error {
		unusable = g.checkVersion(ctx)
		return unusable
	})
	group.Go(func() error { return r.locate(ctx, dir) })
	group.Go(func() (err error) {
		r.config, err = g.configuration(ctx, dir)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, cmp.Or(unusable, err)
	}
	r.reader = newReader(r)
	return r, nil
}

// locate finds out where everything is.
func (r *Repository) locate(ctx context.Context, dir string) error {
	out, err := r.git.Run(ctx, dir, "rev-parse", "--path-format=absolute",
		"--show-toplevel", "--absolute-git-dir", "--git-common-dir")
	if err != nil {
		return opening(dir, err)
	}
	lines := strings.Split(out, "\n")
	if len(lines) != 3 {
		return fmt.Errorf("opening the repository in %s: unexpected answer %q of git rev-parse", dir, out)
	}
	r.dir, r.gitDir, r.common = lines[0], lines[1], lines[2]
	r.objects = filepath.Join(r.common, "objects")
	return nil
}

// configuration is git's, by name as git writes it; of several values the last one counts.
func (g Git) configuration(ctx context.Context, dir string) (map[string]string, error) {
	out, err := g.Run(ctx, dir, "config", "--null", "--list")
	configured := map[string]string{}
	for _, entry := range fields(out) {
		name, value, _ := strings.Cut(entry, "\n")
		configured[name] = value
	}
	return configured, err
}

func opening(dir string, err error) error {
	text := err.Error()
	switch {
	case strings.Contains(text, "not a git repository"):
		return flow.Refuse(fmt.Errorf("%s is not in a git repository", dir),
			"run it inside the product's repository, or add -C DIR")
	case strings.Contains(text, "must be run in a work tree"):
		return flow.Refuse(fmt.Errorf("%s has no working tree", dir), "run it in a clone that has files")
	}
	return fmt.Errorf("opening the repository in %s: %w", dir, err)
}

// merge-tree --write-tree came with 2.38.
const needMajor, needMinor = 2, 38

func (g Git) checkVersion(ctx context.Context) error {
	out, err := g.Run(ctx, "", "version")
	if err != nil {
		return err
	}
	var major, minor int
	if _, err := fmt.Sscanf(out, "git version %d.%d", &major, &minor); err != nil {
		return fmt.Errorf("reading git's version out of %q: %w", out, err)
	}
	if major < needMajor || major == needMajor && minor < needMinor {
		return flow.Hint(fmt.Errorf("git %d.%d is too old", major, minor),
			fmt.Sprintf("install git %d.%d or newer", needMajor, needMinor))
	}
	return nil
}

// Dir is the top of the working tree.
func (r *Repository) Dir() string { return r.dir }

// GitDir is the .git directory, the one that linked working trees share.
func (r *Repository) GitDir() string { return r.common }

// run runs git in the working tree.
func (r *Repository) run(ctx context.Context, args ...string) (string, error) {
	return r.git.Run(ctx, r.dir, args...)
}

// with returns the repository as git sees it with a few more environment variables.
func (r *Repository) with(env ...string) *Repository {
	view := *r
	view.git.Env = append(append([]string{}, r.git.Env...), env...)
	view.reader = gitReader{&view}
	return &view
}
