package gitflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// A publication is what the remote is to get. Empty ids stay as they are.
type publication struct {
	needed                       bool
	production, tag, development string   // new objects
	tagged                       string   // the commit that the tag names
	squashed                     string   // that is production's, and has the hotfix's content without its commits
	more                         []string // files that production has otherwise than the hotfix: what else its merge holds
	waits                        []string // what others have to merge first
}

// compute makes the merges and the tag as objects in view; conflicts are an error that names every file. A plan makes
// do with a draft, which tells what there is to publish: only that is signed, where the user's configuration says so.
func (f *Finish) compute(ctx context.Context, view *Repository, w finishWorld, draft bool) (p publication, err error) {
	if p.tagged = w.tagged; p.tagged == "" && f.TagOnly {
		p.tagged = w.hotfix
	} else if p.tagged == "" {
		if p.tagged, err = f.mergeProduction(ctx, view, w, &p, draft); err != nil {
			return p, err
		}
	}
	if w.tagged == "" {
		if p.tag, err = f.makeTag(ctx, view, w, p.tagged, draft); err != nil {
			return p, fmt.Errorf("tagging %s: %w", w.tag, err)
		}
	}
	if err := f.mergeDevelopment(ctx, view, w, &p, draft); err != nil {
		return p, err
	}
	p.needed = p.production != "" || p.tag != "" || p.development != "" || w.hotfix != ""
	return p, nil
}

// makeTag makes the tag's object; a draft has none.
func (f *Finish) makeTag(ctx context.Context, view *Repository, w finishWorld, commit string, draft bool) (string, error) {
	if draft {
		return "draft", nil
	}
	return view.tag(ctx, w.tag, commit, first(f.Message, w.tag))
}

// mergeProduction returns the commit to tag: the merge into production, made now or by an earlier attempt.
func (f *Finish) mergeProduction(ctx context.Context, view *Repository, w finishWorld, p *publication, draft bool) (string, error) {
	earlier, err := f.mergedAs(ctx, view, w)
	if err != nil || earlier != "" {
		return earlier, err
	}
	m := merge{into: w.production, of: w.hotfix, named: w.hotfix, branch: f.Settings.Production,
		what: "branch '" + w.branch + "'"}
	tree, conflicts, err := view.mergeTree(ctx, m)
	if err != nil {
		return "", err
	}
	if len(conflicts) > 0 {
		return "", errors.Join(f.conflict(w, m, conflicts), f.foresee(ctx, view, w))
	}
	if p.squashed, err = f.squashedAs(ctx, view, w, tree); err != nil || p.squashed != "" {
		return p.squashed, errors.Join(err, f.takeSquashed(w, p.squashed))
	}
	if draft {
		if p.more, err = view.beyond(ctx, w.hotfix, tree); err != nil {
			return "", err
		}
	}
	p.production, err = view.commit(ctx, m, tree, draft)
	return p.production, err
}

// beyond lists what a tree has otherwise than a commit.
func (r *Repository) beyond(ctx context.Context, commit, tree string) ([]string, error) {
	own, err := r.tree(ctx, commit)
	if err != nil || own == tree {
		return nil, err
	}
	return gitReader{r}.changed(ctx, own, tree)
}

// foresee looks for development's conflicts where production's merge, which it would get, can't be made.
func (f *Finish) foresee(ctx context.Context, view *Repository, w finishWorld) error {
	if f.single() {
		return nil
	}
	m := merge{into: w.development, of: w.hotfix, branch: f.Settings.Development, what: "branch '" + w.branch + "'"}
	_, conflicts, err := view.mergeTree(ctx, m)
	if err != nil || len(conflicts) == 0 {
		return err
	}
	return f.conflict(w, m, conflicts)
}

func (f *Finish) mergeDevelopment(ctx context.Context, view *Repository, w finishWorld, p *publication, draft bool) error {
	if f.single() || f.TagOnly {
		return nil
	}
	var merged bool
	var err error
	if p.production == "" { // a commit of this moment is nowhere yet
		merged, err = view.IsAncestor(ctx, p.tagged, w.development)
	}
	if err == nil && !merged && f.PullRequest { // others may have merged it their way
		merged, err = f.accepted(ctx, view, w, p.tagged)
	}
	if err != nil || merged {
		return err
	}
	m := merge{into: w.development, of: p.tagged, named: first(p.tag, w.tagObject), branch: f.Settings.Development,
		what: "tag '" + w.tag + "'"}
	tree, conflicts, err := view.mergeTree(ctx, m)
	if err != nil {
		return err
	}
	if len(conflicts) > 0 {
		return f.conflict(w, m, conflicts)
	}
	p.development, err = view.commit(ctx, m, tree, draft)
	return err
}

// conflict says the files, and the way out. Production is merged into the hotfix, which is deployed again, since
// its content changes; the hotfix is merged into development, never the other way round, since unreleased work
// would reach production.
func (f *Finish) conflict(w finishWorld, m merge, conflicts []string) error {
	remote := f.Settings.Remote
	err := fmt.Errorf("%s can't be merged into %s, and nothing was changed:\n  %s",
		w.branch, m.branch, strings.Join(conflicts, "\n  "))
	if m.branch == f.Settings.Production {
		return flow.Hint(err, fmt.Sprintf(
			"git fetch %[1]s && git switch %[2]s && git merge %[1]s/%[3]s, resolve, commit, git push; deploy and finish again",
			remote, w.branch, m.branch))
	}
	return flow.Hint(err, fmt.Sprintf("git switch %[3]s && git pull, then git merge %[1]s/%[4]s and git merge %[1]s/%[2]s, "+
		"resolve, commit, git push; finish again", remote, w.branch, m.branch, f.Settings.Production))
}
