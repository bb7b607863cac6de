package gitflow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// scratch is the repository with a second, temporary place for objects. What git fetches and merges there while
// planning leaves nothing behind in the user's clone: no ref, no object.
func (r *Repository) scratch() (view *Repository, remove func(), err error) {
	dir, err := os.MkdirTemp("", "hotfix-plan-")
	if err != nil {
		return nil, nil, fmt.Errorf("planning the merges: %w", err)
	}
	remove = func() { _ = os.RemoveAll(dir) }
	objects := filepath.Join(dir, "objects")
	if err := os.MkdirAll(filepath.Join(objects, "pack"), 0o755); err != nil {
		remove()
		return nil, nil, fmt.Errorf("planning the merges: %w", err)
	}
	view = r.with("GIT_OBJECT_DIRECTORY="+objects, "GIT_ALTERNATE_OBJECT_DIRECTORIES="+quoted(r.objects))
	view.objects = objects
	return view, remove, nil
}

// peek fetches what is missing of these refs without moving a ref; in a scratch, it leaves no trace. What a ref here
// is at need not be looked for.
func (r *Repository) peek(ctx context.Context, remote string, refs, here map[string]string) error {
	at := map[string]bool{"": true}
	for _, id := range here {
		at[id] = true
	}
	var ids, fetched []string
	for ref, id := range refs {
		if !at[id] {
			ids, fetched = append(ids, id), append(fetched, ref)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	complete, err := r.has(ctx, ids...)
	if err != nil || complete {
		return err
	}
	args := append([]string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance",
		"--refmap=", remote}, fetched...)
	switch _, err := r.run(ctx, args...); {
	case err != nil && gone(err):
		return moved(remote)
	case err != nil:
		return unreachable(remote, err)
	}
	if complete, err = r.has(ctx, ids...); err == nil && !complete {
		err = moved(remote)
	}
	return err
}
