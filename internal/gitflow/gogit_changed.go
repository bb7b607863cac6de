package gitflow

import (
	"context"
	"maps"
	"path"
	"slices"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// differing lists the paths below dir that two trees do not have alike. What has one id in both is not read: go-git's
// own comparison reads every directory of both.
func differing(ctx context.Context, repo *git.Repository, dir string, before, after plumbing.Hash) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	old, err := entries(repo, before)
	if err != nil {
		return nil, err
	}
	new, err := entries(repo, after)
	if err != nil {
		return nil, err
	}
	all := maps.Clone(old)
	maps.Copy(all, new)
	var paths []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a, b := old[name], new[name]
		if a == b {
			continue
		}
		if leaf(a) || leaf(b) {
			paths = append(paths, path.Join(dir, name))
		}
		below, err := differing(ctx, repo, path.Join(dir, name), tree(a), tree(b))
		if err != nil {
			return nil, err
		}
		paths = append(paths, below...)
	}
	return paths, nil
}

// entries are those of a tree, by name; none of the zero hash.
func entries(repo *git.Repository, id plumbing.Hash) (map[string]object.TreeEntry, error) {
	found := map[string]object.TreeEntry{}
	if id.IsZero() {
		return found, nil
	}
	read, err := repo.TreeObject(id)
	if err != nil {
		return nil, err
	}
	for _, e := range read.Entries {
		found[e.Name] = e
	}
	return found, nil
}

// leaf tells whether an entry is there and no directory.
func leaf(e object.TreeEntry) bool { return e.Mode != filemode.Empty && e.Mode != filemode.Dir }

// tree is the id of a directory; zero of anything else.
func tree(e object.TreeEntry) plumbing.Hash {
	if e.Mode != filemode.Dir {
		return plumbing.ZeroHash
	}
	return e.Hash
}
