package gitflow

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// gogitReader reads with go-git. It opens the repository for every answer, which is cheap, since go-git would
// not see objects that git has fetched meanwhile.
type gogitReader struct{ dir string }

func (g gogitReader) open() (*git.Repository, error) {
	return git.PlainOpenWithOptions(g.dir, &git.PlainOpenOptions{DetectDotGit: true, EnableDotGitCommonDir: true})
}

func (g gogitReader) works() bool {
	_, err := g.open()
	return err == nil
}

func (g gogitReader) refs(context.Context) (map[string]string, error) {
	repo, err := g.open()
	if err != nil {
		return nil, err
	}
	iter, err := repo.References()
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	return refs, iter.ForEach(func(ref *plumbing.Reference) error {
		name := ref.Name()
		if !name.IsBranch() && !name.IsTag() && !name.IsRemote() || strings.HasSuffix(string(name), ".lock") {
			return nil // a .lock is another git's, which is writing the ref
		}
		ref, err := repo.Reference(name, true)
		if errors.Is(err, plumbing.ErrReferenceNotFound) {
			return nil // origin/HEAD names a branch that is gone
		}
		if err == nil {
			refs[string(name)], err = peeled(repo, ref.Hash(), name.IsTag())
		}
		return err
	})
}

// peeled follows an annotated tag to what it tags.
func peeled(repo *git.Repository, id plumbing.Hash, mayBeTag bool) (string, error) {
	for mayBeTag {
		found, err := repo.Object(plumbing.AnyObject, id)
		if err != nil {
			return "", fmt.Errorf("reading %s: %w", id, err)
		}
		tag, ok := found.(*object.Tag)
		if !ok {
			break
		}
		id = tag.Target
	}
	return id.String(), nil
}

func (g gogitReader) abbreviated(_ context.Context, prefix string) ([]string, error) {
	repo, err := g.open()
	if err != nil {
		return nil, err
	}
	if len(prefix) == 40 { // to look for it would mean to look at all there are
		if _, err := repo.CommitObject(plumbing.NewHash(prefix)); err != nil {
			return nil, nil
		}
		return []string{prefix}, nil
	}
	bytes, err := hex.DecodeString(prefix[:len(prefix)&^1]) // it looks for whole bytes
	if err != nil {
		return nil, err
	}
	finder, ok := repo.Storer.(interface {
		HashesWithPrefix(prefix []byte) ([]plumbing.Hash, error)
	})
	if !ok {
		return nil, errors.New("go-git's storage does not abbreviate")
	}
	ids, err := finder.HashesWithPrefix(bytes)
	if err != nil {
		return nil, err
	}
	var commits []string
	seen := map[plumbing.Hash]bool{} // an object may be both loose and packed
	for _, id := range ids {
		_, err := repo.CommitObject(id)
		if err == nil && strings.HasPrefix(id.String(), prefix) && !seen[id] {
			commits = append(commits, id.String())
		}
		seen[id] = true
	}
	return commits, nil
}

func (g gogitReader) changed(ctx context.Context, a, b string) ([]string, error) {
	repo, pair, err := g.commits(a, b)
	if err != nil {
		return nil, err
	}
	return differing(ctx, repo, "", pair[0].TreeHash, pair[1].TreeHash)
}

func (g gogitReader) file(_ context.Context, commit, path string) ([]byte, error) {
	_, one, err := g.commits(commit)
	if err != nil {
		return nil, err
	}
	file, err := one[0].File(path)
	if errors.Is(err, object.ErrFileNotFound) {
		return nil, fmt.Errorf("%s at %s: %w", path, short(commit), fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	content, err := file.Contents()
	return []byte(content), err
}

func (g gogitReader) commits(ids ...string) (*git.Repository, []*object.Commit, error) {
	repo, err := g.open()
	if err != nil {
		return nil, nil, err
	}
	commits := make([]*object.Commit, len(ids))
	for i, id := range ids {
		commits[i], err = repo.CommitObject(plumbing.NewHash(id))
		if err != nil {
			return nil, nil, fmt.Errorf("reading commit %s: %w", short(id), err)
		}
	}
	return repo, commits, nil
}
