package gitflow

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"hotfix/internal/flow"
)

// includes tells whether a commit has all that another one brings: as an ancestor, or because its content came
// squashed or rebased, which merging it once more shows: nothing changes.
func (r *Repository) includes(ctx context.Context, commit, other string) (bool, error) {
	inside, err := r.IsAncestor(ctx, other, commit)
	if err != nil || inside {
		return inside, err
	}
	merged, conflicts, err := r.mergeTree(ctx, merge{into: commit, of: other, what: short(other), branch: short(commit)})
	if err != nil || len(conflicts) > 0 {
		return false, err
	}
	tree, err := r.tree(ctx, commit)
	return tree == merged, err
}

// treeOf is the question for a commit's tree.
type treeOf struct{ commit string }

func (r *Repository) tree(ctx context.Context, commit string) (string, error) {
	if known, ok := r.known.Load(treeOf{commit}); ok {
		return known.(string), nil
	}
	tree, err := r.run(ctx, "rev-parse", "--verify", commit+"^{tree}")
	if err == nil {
		r.known.Store(treeOf{commit}, tree)
	}
	return tree, err
}

// squashedAs returns production's commit that brought the hotfix's content without its commits, which is what a pull
// request leaves that was squashed or rebased; empty where none did. merged is the tree of a merge of both.
func (f *Finish) squashedAs(ctx context.Context, view *Repository, w finishWorld, merged string) (string, error) {
	if tree, err := view.tree(ctx, w.production); err != nil || tree != merged {
		return "", err
	}
	base, err := view.run(ctx, "merge-base", w.production, w.hotfix)
	if err != nil {
		return "", err
	}
	before, err := view.tree(ctx, base)
	if err != nil {
		return "", err
	}
	if after, err := view.tree(ctx, w.hotfix); err != nil || before == after { // without content, it is in every commit
		return "", err
	}
	out, err := view.run(ctx, "rev-list", "--first-parent", "--reverse", w.production, "^"+base)
	commits := strings.Fields(out)
	var failures []error
	first := sort.Search(len(commits), func(i int) bool {
		has, err := view.includes(ctx, commits[i], w.hotfix)
		failures = append(failures, err)
		return has
	})
	if err := errors.Join(append(failures, err)...); err != nil || first == len(commits) {
		return w.production, err
	}
	return commits[first], nil
}

// takeSquashed: where others merge, their way of merging is theirs, and what they made is tagged; whoever merges by
// himself is told that it has happened.
func (f *Finish) takeSquashed(w finishWorld, commit string) error {
	if f.PullRequest {
		return nil
	}
	return flow.Refuse(fmt.Errorf("%s has what %s brings already, without its commits: squashed or rebased as %s",
		f.Settings.Production, w.branch, short(commit)),
		fmt.Sprintf("hotfix finish %s --pull-request tags that commit and merges no second time", f.Version))
}

// accepted tells whether development got the hotfix, however others merged it. Its branch goes last: where that and
// the request's are gone, nothing waits any more.
func (f *Finish) accepted(ctx context.Context, view *Repository, w finishWorld, tagged string) (bool, error) {
	hotfix := first(w.hotfix, view.localRef(ctx, tagged+"^2"), w.merges[f.Settings.Development])
	if hotfix == "" {
		return true, nil
	}
	return view.includes(ctx, w.development, hotfix)
}
