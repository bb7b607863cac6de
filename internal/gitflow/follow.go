package gitflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// A step lets this clone follow the remote. Steps run in order; each can be repeated.
type step struct {
	what string
	do   func(ctx context.Context) error
}

// followAction is one action: the clone's branches are of no consequence to anybody else.
func (f *Finish) followAction(steps []step, notes []string) flow.Action {
	var what []string
	for _, s := range steps {
		what = append(what, s.what)
	}
	return flow.Action{
		What:    "in this clone: " + strings.Join(what, ", "),
		Details: notes,
		Do:      f.catchUp,
	}
}

// catchUp looks again, since what was published is known only now; the remote is asked where that was not by us.
func (f *Finish) catchUp(ctx context.Context, report flow.Report) error {
	r := f.Repository
	w, err := f.lookAfter(ctx)
	if err == nil {
		err = f.fetch(ctx, &w)
	}
	if err != nil {
		return err
	}
	steps, notes, err := f.follow(ctx, r, w, publication{tagged: w.tagged})
	if err != nil {
		return err
	}
	for _, s := range steps {
		if err := s.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
	}
	for _, note := range notes {
		fmt.Fprintln(report, note)
	}
	return nil
}

func (f *Finish) lookAfter(ctx context.Context) (finishWorld, error) {
	if f.after == nil {
		f.looked = time.Time{}
		return f.look(ctx, f.Repository)
	}
	w := *f.after
	err := f.lookHere(ctx, f.Repository, &w)
	return w, err
}

// fetch lets the remote-tracking branches follow, where the push has not.
func (f *Finish) fetch(ctx context.Context, w *finishWorld) error {
	r, prefix := f.Repository, "refs/remotes/"+f.Settings.Remote+"/"
	if w.here[prefix+f.Settings.Production] == w.production && w.here[prefix+f.Settings.Development] == w.development {
		return f.bring(ctx, r, *w)
	}
	err := r.Fetch(ctx, f.Settings.Remote)
	if err == nil {
		err = f.bring(ctx, r, *w) // a clone of some branches fetches only those
	}
	if err == nil {
		w.local, err = r.local(ctx) // fetching brings tags along
	}
	return err
}

// follow says how this clone can follow without touching the user's files, and what is left to the user. Where p is
// still to be published, the remote's heads only grow, so the answer holds.
func (f *Finish) follow(ctx context.Context, view *Repository, w finishWorld, p publication) (steps []step, notes []string, err error) {
	add := func(more []step, note string, e error) {
		steps, err = append(steps, more...), errors.Join(err, e)
		if note != "" {
			notes = append(notes, note)
		}
	}
	add(f.followTag(w, p))
	add(f.followBranch(ctx, view, w, f.Settings.Production, w.production, p.production != ""))
	if !f.single() {
		add(f.followBranch(ctx, view, w, f.Settings.Development, w.development, p.development != ""))
	}
	add(f.leave(ctx, view, w, p))
	if stale := "refs/remotes/" + f.Settings.Remote + "/" + w.branch; w.hotfix == "" && w.here[stale] != "" {
		add([]step{{"forget " + f.Settings.Remote + "/" + w.branch, func(ctx context.Context) error {
			_, err := f.Repository.run(ctx, "update-ref", "-d", stale)
			return err
		}}}, "", nil)
	}
	return steps, notes, err
}

// followTag takes the remote's tag over.
func (f *Finish) followTag(w finishWorld, p publication) ([]step, string, error) {
	ref := "refs/tags/" + w.tag
	switch here := w.here[ref]; {
	case here == "":
		return []step{{"take tag " + w.tag, func(ctx context.Context) error {
			_, err := f.Repository.run(ctx, "update-ref", ref, w.tagObject, "") // "": it must not exist
			return err
		}}}, "", nil
	case here != p.tagged:
		return nil, fmt.Sprintf("tag %s here is not %s's: left alone", w.tag, f.Settings.Remote), nil
	}
	return nil, "", nil
}

// followBranch fast-forwards a branch that is checked out nowhere.
func (f *Finish) followBranch(ctx context.Context, view *Repository, w finishWorld, branch, head string, grows bool) ([]step, string, error) {
	here := w.here["refs/heads/"+branch]
	if here == "" || here == head && !grows {
		return nil, "", nil
	}
	behind, err := view.IsAncestor(ctx, here, head)
	switch tree := w.trees[branch]; {
	case err != nil:
		return nil, "", err
	case !behind:
		return nil, fmt.Sprintf("%s here has commits that %s has not: left alone", branch, f.Settings.Remote), nil
	case tree != "":
		return nil, fmt.Sprintf("%s is checked out in %s: left alone, `git pull` brings it up to date", branch, tree), nil
	}
	return []step{{"fast-forward " + branch, func(ctx context.Context) error {
		return f.Repository.forward(ctx, branch, here, head)
	}}}, "", nil
}

// leave switches away from the hotfix's branch, if the user is on it and has changed nothing, and deletes it.
func (f *Finish) leave(ctx context.Context, view *Repository, w finishWorld, p publication) ([]step, string, error) {
	if w.mine() == "" {
		return nil, "", nil
	}
	merged, err := view.includes(ctx, first(w.hotfix, p.tagged), w.mine())
	tree := w.trees[w.branch]
	switch {
	case err != nil:
		return nil, "", err
	case !merged:
		return nil, fmt.Sprintf("%s here has commits that were not merged: left alone", w.branch), nil
	case tree != "" && w.current != w.branch:
		return nil, fmt.Sprintf("%s is checked out in %s: left alone", w.branch, tree), nil
	case tree != "" && len(w.dirty) > 0:
		return nil, fmt.Sprintf("still on %s, because of uncommitted changes: %s", w.branch, listed(w.dirty)), nil
	case tree != "" && w.trees[f.Settings.Development] != "":
		return nil, fmt.Sprintf("still on %s: %s is checked out in %s", w.branch, f.Settings.Development, w.trees[f.Settings.Development]), nil
	}
	remove := step{"delete " + w.branch, func(ctx context.Context) error { return f.Repository.deleteBranch(ctx, w.branch) }}
	if tree == "" {
		return []step{remove}, "", nil
	}
	return []step{{"switch to " + f.Settings.Development, func(ctx context.Context) error { return f.goTo(ctx, w) }}, remove}, "", nil
}

// goTo switches to development; a clone that had no such branch gets one.
func (f *Finish) goTo(ctx context.Context, w finishWorld) error {
	r, s := f.Repository, f.Settings
	if w.here["refs/heads/"+s.Development] == "" {
		if err := r.track(ctx, s.Remote, s.Development); err != nil {
			return err
		}
		if _, err := r.run(ctx, "branch", "--no-track", s.Development, w.development); err != nil {
			return err
		}
	}
	return r.checkout(ctx, s.Development)
}

// deleteBranch deletes a merged branch and what is configured for it, the branch last.
func (r *Repository) deleteBranch(ctx context.Context, branch string) error {
	section := "gitflow.branch." + branch
	if r.config[section+".base"] != "" {
		if _, err := r.run(ctx, "config", "--local", "--remove-section", section); err != nil {
			return err
		}
	}
	_, err := r.run(ctx, "branch", "--quiet", "-D", branch)
	return err
}
