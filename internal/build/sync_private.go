package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"hotfix/internal/flow"
)

// privateReadable proves that the private files are there, are files, and are not the commit's.
func (s *Sync) privateReadable(ctx context.Context) error {
	var all error
	for _, name := range s.Directory.Private {
		all = errors.Join(all, s.privateFile(ctx, name))
	}
	return all
}

func (s *Sync) privateFile(ctx context.Context, name string) error {
	if !filepath.IsLocal(name) || path.Clean(name) != name {
		return flow.Refuse(fmt.Errorf("copy %s: not a path inside the repository", name), "write it relative to the repository's root")
	}
	file, err := os.Open(filepath.Join(s.Repository, name))
	if err != nil {
		return flow.Refuse(fmt.Errorf("copy %s: %w", name, errors.Unwrap(err)), "create it, or take it out of build.copy in hotfix.yml")
	}
	defer file.Close()
	if info, err := file.Stat(); err != nil || !info.Mode().IsRegular() {
		return flow.Refuse(fmt.Errorf("copy %s: not a file", name), "list files, one by one, in build.copy of hotfix.yml")
	}
	if tracked, err := s.Git.Run(ctx, s.Repository, "ls-tree", "-z", "--full-tree", s.Commit, "--", name); err == nil && tracked != "" {
		return flow.Refuse(fmt.Errorf("copy %s: it is committed, and would enter the images", name), "git rm --cached "+name)
	}
	return nil
}

// privateChanged names a private file that is not in the directory as it is in the repository.
func (s *Sync) privateChanged() (string, error) {
	for _, name := range s.Directory.Private {
		from, to := filepath.Join(s.Repository, name), filepath.Join(s.Directory.Path, name)
		wanted, mode, err := readFile(from)
		if err != nil {
			return name, err
		}
		if got, now, err := readFile(to); err != nil || now != mode || !bytes.Equal(got, wanted) {
			return name, nil
		}
	}
	return "", nil
}

func readFile(name string) ([]byte, os.FileMode, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	text, err := os.ReadFile(name)
	return text, info.Mode().Perm(), err
}

// copyPrivate brings the private files in, as closed to others as they are. A link in the commit can't lead
// them out of the directory.
func (s *Sync) copyPrivate(ctx context.Context) error {
	if len(s.Directory.Private) == 0 {
		return nil
	}
	if err := s.privateReadable(ctx); err != nil { // again: only now is the commit sure to be here
		return err
	}
	root, err := os.OpenRoot(s.Directory.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, name := range s.Directory.Private {
		if err := s.copyInto(root, name); err != nil {
			return fmt.Errorf("copy %s: %w", name, err)
		}
	}
	return nil
}

func (s *Sync) copyInto(root *os.Root, name string) error {
	text, mode, err := readFile(filepath.Join(s.Repository, name))
	if err != nil {
		return err
	}
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := root.RemoveAll(name); err != nil {
		return err
	}
	if err := root.WriteFile(name, text, 0o600); err != nil {
		return err
	}
	return root.Chmod(name, mode)
}
