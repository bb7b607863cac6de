package build

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"hotfix/internal/flow"
)

// exactly turns off what in a user's own configuration would make the tree another one than a colleague's.
var exactly = []string{
	"-c", "core.hooksPath=/dev/null", "-c", "core.attributesFile=/dev/null", "-c", "core.autocrlf=false",
	"-c", "core.fileMode=true", "-c", "core.sparseCheckout=false", "-c", "core.fsmonitor=false",
	"-c", "advice.detachedHead=false", "-c", "checkout.workers=0", "-c", "protocol.version=2",
}

// git runs git on the build directory, and on no repository around it.
func (s *Sync) git(ctx context.Context, args ...string) (string, error) {
	path := s.Directory.Path
	all := append([]string{"--git-dir=" + filepath.Join(path, ".git"), "--work-tree=" + path}, exactly...)
	return s.Git.Run(ctx, path, append(all, args...)...)
}

// sync brings the directory to the commit and proves it.
func (s *Sync) sync(ctx context.Context, report flow.Report) error {
	if err := s.usable(ctx); err != nil { // again: it may be long since the plan
		return err
	}
	if err := s.Directory.unstamp(); err != nil {
		return err
	}
	settings, err := s.settings(ctx)
	if err != nil {
		return err
	}
	source, err := s.source(ctx, settings)
	if err != nil {
		return err
	}
	steps := []func() error{
		func() error { return s.clone(ctx, source) },
		func() error { return s.configure(ctx, settings) },
		func() error { return s.checkout(ctx, source) },
		func() error { return s.submodules(ctx) },
		func() error { return s.prove(ctx) },
		func() error { return s.copyPrivate(ctx) },
	}
	for i, step := range steps {
		report.Progress("sync", int64(i), int64(len(steps)))
		if err := step(); err != nil {
			return fmt.Errorf("sync %s: %w", s.Directory.Path, err)
		}
	}
	report.Progress("sync", int64(len(steps)), int64(len(steps)))
	return nil
}

// clone makes the directory. It is unfinished until `.git` is in its place, and then it is marked.
func (s *Sync) clone(ctx context.Context, source string) error {
	part := filepath.Join(s.Directory.Path, unfinished)
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if s.Directory.cloned() {
		return s.Directory.breakLocks()
	}
	var err error
	for _, way := range []string{"--local", "--no-local"} { // links; or, where a gc is moving the objects, a transfer
		_, err = s.Git.Run(ctx, s.Directory.Path, "clone", "--quiet", way, "--no-checkout", "--template=", "--origin=origin",
			"-c", marker+"="+s.Repository, source, part)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(part, ".git"), filepath.Join(s.Directory.Path, ".git")); err != nil {
		return err
	}
	return os.RemoveAll(part)
}

// checkout makes the tree the commit's. The fetch is made even where the commit seems to be there: a killed one
// leaves a commit without its files.
func (s *Sync) checkout(ctx context.Context, source string) error {
	if _, err := s.git(ctx, "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", source, s.Commit); err != nil {
		return err
	}
	if _, err := s.git(ctx, "checkout", "--quiet", "--force", "--detach", s.Commit); err != nil {
		return err
	}
	_, err := s.git(ctx, "clean", "--quiet", "-ffdx")
	return flow.Hint(err, "sudo rm -rf "+s.Directory.Path+": it is made anew")
}

// submodules follows the commit's, each clean.
func (s *Sync) submodules(ctx context.Context) error {
	if !s.hasSubmodules() {
		return nil
	}
	for _, args := range [][]string{
		{"sync", "--quiet", "--recursive"},
		{"update", "--quiet", "--init", "--recursive", "--force"},
		{"foreach", "--quiet", "--recursive", "git clean --quiet -ffdx"},
	} {
		if _, err := s.git(ctx, append([]string{"submodule"}, args...)...); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sync) hasSubmodules() bool {
	_, err := os.Lstat(filepath.Join(s.Directory.Path, ".gitmodules"))
	return err == nil
}

// breakLocks removes the lock files of a git that was killed. Nobody else works here: the directory is locked.
func (d Directory) breakLocks() error {
	return filepath.WalkDir(filepath.Join(d.Path, ".git"), func(path string, found fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case found.IsDir() && found.Name() == "objects":
			return fs.SkipDir
		case strings.HasSuffix(path, ".lock"):
			return os.Remove(path)
		}
		return nil
	})
}
