package gitflow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// lookAhead looks, and reads meanwhile what merging into development takes longest to find out. Most often, that is
// what it was when it was last fetched.
func (f *Finish) lookAhead(ctx context.Context, view *Repository) (w finishWorld, err error) {
	var group errgroup.Group
	group.Go(func() error {
		if f.seen.heads != "" {
			return nil // it has been found out
		}
		head := view.localRef(ctx, "refs/remotes/"+f.Settings.Remote+"/"+f.Settings.Development)
		if head == "" {
			return nil
		}
		_, err := view.attributes(ctx, head)
		return err
	})
	w, err = f.look(ctx, f.Repository)
	return w, errors.Join(err, group.Wait())
}

// look asks the remote while it looks at this clone.
func (f *Finish) look(ctx context.Context, r *Repository) (w finishWorld, err error) {
	w.branch, w.tag = f.Settings.Branch(f.Version), f.Settings.Tag(f.Version)
	var group errgroup.Group
	group.Go(func() error { return f.lookThere(ctx, r, &w) })
	group.Go(func() error { return f.lookHere(ctx, r, &w) })
	err = group.Wait()
	return w, err
}

// lookHere looks at this clone: in a large repository, its files take as long as the remote does. They matter on the
// hotfix's branch, which is left only where nothing would come along, and what was seen of them holds for a moment:
// the plan is made twice, and whatever leaves the branch has looked again, while it was publishing.
func (f *Finish) lookHere(ctx context.Context, r *Repository, w *finishWorld) (err error) {
	if w.local, err = r.local(ctx); err != nil || w.current != w.branch {
		return err
	}
	if time.Since(f.looked) > certain {
		if err := f.lookAtFiles(ctx); err != nil {
			return err
		}
	}
	w.dirty = f.dirty
	return nil
}

func (f *Finish) lookAtFiles(ctx context.Context) (err error) {
	began := time.Now()
	if f.dirty, err = f.Repository.Uncommitted(ctx); err == nil {
		f.looked = began
	}
	return err
}

// lookThere asks the remote.
func (f *Finish) lookThere(ctx context.Context, r *Repository, w *finishWorld) error {
	s, releases := f.Settings, r.releasePrefix()
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
	return nil
}

// published is what w is once p is on the remote.
func (f *Finish) published(w finishWorld, p publication) *finishWorld {
	w.production, w.development = first(p.production, w.production), first(p.development, w.development)
	w.tagged, w.tagObject = p.tagged, first(p.tag, w.tagObject)
	if len(p.waits) == 0 {
		w.hotfix, w.merges = "", nil
	}
	return &w
}
