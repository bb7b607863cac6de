package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"hotfix/internal/flow"
)

const (
	marker     = "hotfix.buildFor" // in the clone's configuration: whose build directory it is
	unfinished = ".hotfix-clone"   // the clone until it is whole
)

// own returns the path of a file that hotfix keeps about the directory, out of the tree's way.
func (d Directory) own(name string) string {
	return filepath.Join(d.Path, ".git", "hotfix", name)
}

func (d Directory) cloned() bool {
	_, err := os.Lstat(filepath.Join(d.Path, ".git", "config"))
	return err == nil
}

// Content is the digest of what may enter images, as it is now.
func (d Directory) Content(ctx context.Context) (string, error) {
	entries, err := scan(ctx, d.Path, d.Private, readHashed(d.own("hashed")))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", d.Path, err)
	}
	return digest(entries), nil
}

// Lock keeps other runs of hotfix out of the directory, which it makes where it is missing.
func (d Directory) Lock() (unlock func(), err error) {
	if err := os.MkdirAll(d.Path, 0o755); err != nil {
		return nil, flow.Hint(fmt.Errorf("make the build directory: %w", err), "choose another build.directory in hotfix.yml")
	}
	dir, err := os.Open(d.Path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		dir.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, flow.As(flow.ErrLocked, fmt.Errorf("another hotfix is working in %s", d.Path))
		}
		return nil, fmt.Errorf("lock %s: %w", d.Path, err)
	}
	return func() { dir.Close() }, nil
}

// usable refuses a directory that is somebody else's, or can't be written to. It changes nothing.
func (s *Sync) usable(ctx context.Context) error {
	path := s.Directory.Path
	found, err := os.ReadDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return writable(path)
	}
	if err != nil {
		return flow.Refuse(fmt.Errorf("build directory: %w", err), "choose another build.directory in hotfix.yml")
	}
	if err := writable(path); err != nil {
		return err
	}
	if s.Directory.cloned() {
		return s.mine(ctx)
	}
	if slices.ContainsFunc(found, func(e fs.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".hotfix-") }) {
		return foreign(path, "it holds files that hotfix did not put there")
	}
	return nil
}

// mine refuses a clone that hotfix did not make, or made for another checkout that still exists.
func (s *Sync) mine(ctx context.Context) error {
	path := s.Directory.Path
	answer, err := s.Git.Run(ctx, path, "config", "--file", filepath.Join(path, ".git", "config"), "--get", marker)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	owner := strings.TrimSuffix(answer, "\n")
	if err != nil || owner == "" {
		return foreign(path, "it is a repository that hotfix did not make")
	}
	theirs, gone := os.Stat(owner)
	ours, err := os.Stat(s.Repository)
	if err == nil && gone == nil && !os.SameFile(theirs, ours) {
		return foreign(path, "it is the build directory of "+owner)
	}
	return nil
}

func foreign(path, why string) error {
	return flow.Refuse(fmt.Errorf("%s can't be the build directory: %s", path, why), "choose another build.directory in hotfix.yml, or move that one away")
}

// writable looks at the directory, or at the one that it would be made in.
func writable(path string) error {
	err := unix.Access(path, unix.W_OK|unix.X_OK)
	if errors.Is(err, unix.ENOENT) && filepath.Dir(path) != path {
		return writable(filepath.Dir(path))
	}
	return flow.Refuse(pathError("write to", path, err), "choose another build.directory in hotfix.yml, or sudo chown -R $USER "+path)
}

func pathError(what, path string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("build directory: can't %s %s: %w", what, path, err)
}

// Checks implements flow.Checked.
func (s *Sync) Checks() []flow.Check {
	checks := []flow.Check{{What: "build directory " + s.Directory.Path, Do: func(ctx context.Context) (string, error) {
		if err := s.usable(ctx); err != nil {
			return "", err
		}
		return "writable", s.tryWriting()
	}}}
	for _, name := range s.Directory.Private {
		checks = append(checks, flow.Check{What: "private file " + name, Do: func(ctx context.Context) (string, error) {
			return "readable", s.privateFile(ctx, name)
		}})
	}
	return checks
}

// tryWriting makes a file where the directory is or will be, and removes it.
func (s *Sync) tryWriting() error {
	path := s.Directory.Path
	for !isDirectory(path) && filepath.Dir(path) != path {
		path = filepath.Dir(path)
	}
	file, err := os.CreateTemp(path, ".hotfix-check-*")
	if err != nil {
		return flow.Refuse(pathError("write to", path, err), "choose another build.directory in hotfix.yml")
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
