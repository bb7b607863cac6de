package gitflow

import (
	"context"
	"errors"
	"fmt"

	"hotfix/internal/flow"
)

// look reads the remote's refs and this clone's.
func (f *Finish) look(ctx context.Context, r *Repository) (w finishWorld, err error) {
	s := f.Settings
	w.branch, w.tag = s.Branch(f.Version), s.Tag(f.Version)
	releases := r.releasePrefix(ctx)
	if w.current, err = r.CurrentBranch(ctx); err != nil {
		return w, err
	}
	dirty := make(chan error, 1) // in a large repository this takes as long as the remote does
	go func() {
		var err error
		if w.current == w.branch { // which is left only where nothing would come along
			w.dirty, err = r.Uncommitted(ctx)
		}
		dirty <- err
	}()
	err = f.lookThere(ctx, r, releases, &w)
	err = errors.Join(err, <-dirty)
	return w, err
}

// lookThere asks the remote, and this clone's refs.
func (f *Finish) lookThere(ctx context.Context, r *Repository, releases string, w *finishWorld) error {
	s := f.Settings
	remote, err := r.lsRemote(ctx, s.Remote, "refs/heads/"+s.Production, "refs/heads/"+s.Development,
		"refs/heads/"+w.branch, "refs/tags/"+w.tag, "refs/tags/"+w.tag+"^{}", "refs/heads/"+releases+"*",
		"refs/heads/"+f.mergeBranch("*"))
	if err != nil {
		return err
	}
	for _, name := range names(remote, "refs/heads/"+releases) {
		w.releases = append(w.releases, releases+name)
	}
	w.merges = map[string]string{s.Production: remote.branch(f.mergeBranch(s.Production)),
		s.Development: remote.branch(f.mergeBranch(s.Development))}
	w.production, w.development = remote.branch(s.Production), remote.branch(s.Development)
	w.hotfix, w.tagged, w.tagObject = remote.branch(w.branch), remote.tag(w.tag), remote["refs/tags/"+w.tag]
	for _, branch := range []string{s.Production, s.Development} {
		if remote.branch(branch) == "" {
			return flow.Refuse(fmt.Errorf("there is no branch %s on %s", branch, s.Remote),
				"git config gitflow.branch.master NAME, and gitflow.branch.develop NAME (the same where there is but one)")
		}
	}
	if w.here, err = r.refs(ctx); err != nil {
		return err
	}
	w.trees, err = r.checkedOut(ctx)
	return err
}
