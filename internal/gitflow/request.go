package gitflow

import (
	"context"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// mergeBranch is the branch that holds a merge which others have to accept.
func (f *Finish) mergeBranch(into string) string { return "merge/" + f.Version + "-into-" + into }

// requestActions push the merges as branches of their own, where production and development are protected. p is left
// with what can be published at once: the tag, once production has the hotfix, and deletions, once development has
// it, too.
func (f *Finish) requestActions(ctx context.Context, view *Repository, w finishWorld, p *publication) ([]flow.Action, error) {
	updates, err := f.requests(ctx, view, w, p)
	if err != nil || len(updates) == 0 {
		return nil, err
	}
	var parts []string
	for _, u := range updates {
		parts = append(parts, u.what)
	}
	return []flow.Action{{
		What:    fmt.Sprintf("push to %s, for pull requests: %s", f.Settings.Remote, strings.Join(parts, ", ")),
		Details: []string{"once they are merged: hotfix finish " + f.Version + " --pull-request"},
		Do:      func(ctx context.Context, report flow.Report) error { return f.pushRequests(ctx, w, report) },
	}}, nil
}

// requests takes out of p what others have to merge, and returns the branches that are to be pushed for it.
func (f *Finish) requests(ctx context.Context, view *Repository, w finishWorld, p *publication) ([]update, error) {
	var updates []update
	for _, m := range []struct{ into, old, new string }{
		{f.Settings.Production, w.production, p.production}, {f.Settings.Development, w.development, p.development},
	} {
		if m.new == "" {
			continue
		}
		branch, head := f.mergeBranch(m.into), w.merges[m.into]
		p.waits = append(p.waits, branch+" into "+m.into)
		there, err := view.holds(ctx, head, m.old, w.hotfix)
		if err != nil {
			return nil, err
		}
		if !there {
			updates = append(updates, update{branch + " (to be merged into " + m.into + ")", "refs/heads/" + branch, head, m.new})
		}
	}
	if p.production != "" {
		p.tag = ""
	}
	p.production, p.development = "", ""
	p.needed = p.tag != "" || w.hotfix != "" && len(p.waits) == 0
	return updates, nil
}

// holds tells whether a head has all these commits.
func (r *Repository) holds(ctx context.Context, head string, commits ...string) (bool, error) {
	if head == "" {
		return false, nil
	}
	for _, c := range commits {
		if inside, err := r.IsAncestor(ctx, c, head); err != nil || !inside {
			return false, err
		}
	}
	return true, nil
}

func (f *Finish) pushRequests(ctx context.Context, w finishWorld, report flow.Report) error {
	r := f.Repository
	if err := f.bring(ctx, r, w); err != nil {
		return err
	}
	p, err := f.compute(ctx, r, w, false)
	if err != nil {
		return err
	}
	updates, err := f.requests(ctx, r, w, &p)
	if err != nil {
		return err
	}
	if err := f.push(ctx, report, false, updates...); err != nil {
		return err
	}
	for _, wait := range p.waits {
		fmt.Fprintf(report, "open a pull request: %s\n", wait)
	}
	return nil
}
