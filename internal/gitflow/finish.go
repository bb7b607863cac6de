package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// Finish is the phase that merges a hotfix into production and development, tags it, deletes its branch, and
// lets this clone follow. The remote's state decides what is left; this clone's branches only follow.
type Finish struct {
	Repository  *Repository
	Settings    Settings // complete, as Repository.Settings returns them
	Version     string
	Message     string // of the tag; empty: its name
	TagOnly     bool   // tag the hotfix as it is, and merge it nowhere: for a release that production has left behind
	PullRequest bool   // push the merges as branches, for others to merge; what they have merged is finished
	// Deployed tells what is known of the hotfix's last deployment; nil where nothing is.
	Deployed func(ctx context.Context) (Deployment, error)

	seen      foresight
	after     *finishWorld // of the remote, what this run has published
	dirty     []string     // the user's files, as looked at
	looked    time.Time
	publishes bool   // the last plan changes the remote
	confirm   string // what must be typed for it
}

var (
	_ flow.Phase  = (*Finish)(nil)
	_ flow.Marked = (*Finish)(nil)
)

// Name implements flow.Phase.
func (f *Finish) Name() string { return "finish" }

// A Deployment is what the log knows of a hotfix's last deployment.
type Deployment struct {
	Known      bool   // the log knows the hotfix: without a commit, it was never deployed
	Commit     string // that was deployed, to the end
	RolledBack bool   // and taken back since
}

// Traits are those of the last plan: where production would get what was not deployed, or the tag more than that, the
// version must be typed.
func (f *Finish) Traits() flow.Traits {
	return flow.Traits{Remote: f.publishes, Confirm: f.confirm}
}

// finishWorld is what Finish looks at. Heads are the remote's; empty ones are not there.
type finishWorld struct {
	branch, tag                     string            // names
	production, development, hotfix string            // heads
	tagged, tagObject               string            // what the tag names, and its own object
	releases                        []string          // open release branches
	merges                          map[string]string // heads of branches that wait to be merged, by what they go into
	local
	dirty []string // on the hotfix's branch
}

// mine is this clone's head of the hotfix.
func (w finishWorld) mine() string { return w.here["refs/heads/"+w.branch] }

// single: there is no development branch of its own.
func (f *Finish) single() bool { return f.Settings.Development == f.Settings.Production }

// Plan looks at this clone and the remote. The merges are made in a scratch, so that conflicts are known.
func (f *Finish) Plan(ctx context.Context) ([]flow.Action, error) {
	f.publishes, f.confirm, f.after = false, "", nil
	view, remove, err := f.Repository.scratch()
	if err != nil {
		return nil, err
	}
	defer remove()
	w, err := f.lookAhead(ctx, view)
	if err == nil {
		err = f.bring(ctx, view, w)
	}
	if errors.Is(err, errMoved) { // between the two: someone else may just have finished
		if w, err = f.look(ctx, f.Repository); err == nil {
			err = f.bring(ctx, view, w)
		}
	}
	if err != nil {
		return nil, err
	}
	p, err := f.foreseen(ctx, view, w)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	if f.PullRequest {
		if actions, err = f.requestActions(ctx, view, w, &p); err != nil {
			return nil, err
		}
	}
	if p.needed {
		publish, err := f.publishAction(ctx, view, w, p)
		if err != nil {
			return nil, err
		}
		actions = append(actions, publish)
	}
	steps, notes, err := f.follow(ctx, view, w, p)
	if err != nil {
		return nil, err
	}
	if len(steps) > 0 && len(p.waits) == 0 {
		actions = append(actions, f.followAction(steps, notes))
	}
	if len(actions) == 0 {
		return nil, flow.Nothing(strings.Join(append([]string{f.finished(w, p)}, notes...), "; "))
	}
	f.publishes = p.needed || f.PullRequest
	return actions, nil
}

func (f *Finish) finished(w finishWorld, p publication) string {
	branches := f.Settings.Production
	if !f.single() {
		branches += " and " + f.Settings.Development
	}
	switch {
	case len(p.waits) > 0:
		return "waiting for what others have to merge: " + strings.Join(p.waits, ", ")
	case f.TagOnly:
		return fmt.Sprintf("%s is tagged: %s on %s, merged nowhere", f.Version, w.tag, f.Settings.Remote)
	}
	return fmt.Sprintf("%s is finished: %s on %s, tag %s", f.Version, branches, f.Settings.Remote, w.tag)
}

// A foresight is what the last plan found out of these heads. The plan is made again once the lock is ours; where
// nothing has moved, the merges need not be.
type foresight struct {
	heads string
	p     publication
}

func (f *Finish) foreseen(ctx context.Context, view *Repository, w finishWorld) (publication, error) {
	heads := strings.Join([]string{w.production, w.development, w.hotfix, w.tagObject, w.mine(), w.here["refs/tags/"+w.tag],
		w.merges[f.Settings.Production], w.merges[f.Settings.Development]}, " ")
	if f.seen.heads == heads {
		return f.seen.p, nil
	}
	if err := f.refuse(ctx, view, w); err != nil {
		return publication{}, err
	}
	p, err := f.compute(ctx, view, w, true)
	if err == nil {
		f.seen = foresight{heads, p}
	}
	return p, err
}

// bring fetches what the merges need into view.
func (f *Finish) bring(ctx context.Context, view *Repository, w finishWorld) error {
	if _, err := os.Stat(filepath.Join(view.common, "shallow")); err == nil {
		return flow.Refuse(errors.New("this clone is shallow: it can't tell what merges bring"), "git fetch --unshallow")
	}
	return view.peek(ctx, f.Settings.Remote, map[string]string{
		"refs/heads/" + f.Settings.Production: w.production, "refs/heads/" + f.Settings.Development: w.development,
		"refs/heads/" + w.branch: w.hotfix, "refs/tags/" + w.tag: w.tagObject,
		"refs/heads/" + f.mergeBranch(f.Settings.Production):  w.merges[f.Settings.Production],
		"refs/heads/" + f.mergeBranch(f.Settings.Development): w.merges[f.Settings.Development],
	}, w.here)
}
