package gitflow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hotfix/internal/flow"
)

// refuse returns an error where finishing would lose or mislabel something.
func (f *Finish) refuse(ctx context.Context, view *Repository, w finishWorld) error {
	remote := f.Settings.Remote
	if w.hotfix == "" {
		return f.refuseGone(ctx, view, w)
	}
	if here := w.here["refs/tags/"+w.tag]; w.tagged == "" && here != "" {
		return flow.Refuse(fmt.Errorf("there is a tag %s here (%s) that %s has not", w.tag, short(here), remote),
			"git tag -d "+w.tag+", if it is left from an attempt to finish by hand")
	}
	if w.tagged != "" {
		return f.refuseTagged(ctx, view, w)
	}
	if err := f.refuseUnpushed(ctx, view, w); err != nil {
		return err
	}
	_, err := f.mergedAs(ctx, view, w)
	return err
}

// refuseGone: without a branch, only a finished hotfix can be followed.
func (f *Finish) refuseGone(ctx context.Context, view *Repository, w finishWorld) error {
	if w.tagged != "" {
		return f.refuseOutside(ctx, view, w)
	}
	hint := "hotfix start " + f.Version
	if w.mine() != "" {
		hint = fmt.Sprintf("git push -u %s %s", f.Settings.Remote, w.branch)
	}
	return flow.Refuse(fmt.Errorf("%s has neither %s nor a tag %s", f.Settings.Remote, w.branch, w.tag), hint)
}

// refuseTagged: a tag that is there already must be this hotfix's, whole, and in production.
func (f *Finish) refuseTagged(ctx context.Context, view *Repository, w finishWorld) error {
	inside, err := view.includes(ctx, w.tagged, w.hotfix)
	if err != nil {
		return err
	}
	if !inside {
		return flow.Refuse(fmt.Errorf("tag %s (%s) does not have the head of %s (%s): that version is released",
			w.tag, short(w.tagged), w.branch, short(w.hotfix)), "hotfix start, with the next version")
	}
	return f.refuseOutside(ctx, view, w)
}

// refuseOutside: a version is tagged in production, or not at all.
func (f *Finish) refuseOutside(ctx context.Context, view *Repository, w finishWorld) error {
	if f.TagOnly {
		return nil
	}
	inside, err := view.IsAncestor(ctx, w.tagged, w.production)
	if err != nil || inside {
		return err
	}
	remote := f.Settings.Remote
	return flow.Refuse(fmt.Errorf("%s has tag %s (%s), but its %s does not have that commit",
		remote, w.tag, short(w.tagged), f.Settings.Production),
		fmt.Sprintf("git push %s :refs/tags/%s, where the tag was a mistake", remote, w.tag))
}

// refuseUnpushed: the local branch is about to be deleted, and what is merged is the remote's.
func (f *Finish) refuseUnpushed(ctx context.Context, view *Repository, w finishWorld) error {
	if w.mine() == "" || w.mine() == w.hotfix {
		return nil
	}
	commits, err := view.Commits(ctx, w.hotfix, w.mine())
	if err != nil || len(commits) == 0 {
		return err
	}
	var lines []string
	for _, c := range commits {
		lines = append(lines, c.String())
	}
	return flow.Refuse(fmt.Errorf("%s has commits that are not on %s: %s", w.branch, f.Settings.Remote, listed(lines)),
		fmt.Sprintf("git push %s %s, deploy, and finish again", f.Settings.Remote, w.branch))
}

// mergedAs returns production's commit that brought the hotfix, empty where none did yet. A hotfix that
// production went through itself has no commits of its own.
func (f *Finish) mergedAs(ctx context.Context, view *Repository, w finishWorld) (string, error) {
	merged, err := view.IsAncestor(ctx, w.hotfix, w.production)
	if err != nil || !merged {
		return "", err
	}
	since := []string{"rev-list", w.production, "^" + w.hotfix}
	mainline, err := view.run(ctx, append(since, "--first-parent")...)
	if err != nil {
		return "", err
	}
	descends, err := view.run(ctx, append(since, "--ancestry-path")...)
	if err != nil {
		return "", err
	}
	after := strings.Fields(descends)
	oldest := ""
	for _, commit := range strings.Fields(mainline) { // newest first
		if slices.Contains(after, commit) {
			oldest = commit
		}
	}
	if oldest != "" {
		parent, err := view.run(ctx, "rev-parse", oldest+"^1")
		if err != nil || parent != w.hotfix {
			return oldest, err
		}
	}
	return "", flow.Refuse(fmt.Errorf("%s has no commits that %s has not: there is nothing to finish",
		w.branch, f.Settings.Production), "commit the patch and push it")
}
