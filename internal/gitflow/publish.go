package gitflow

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"hotfix/internal/flow"
)

// publishAction describes what the remote gets, all or nothing.
func (f *Finish) publishAction(ctx context.Context, view *Repository, w finishWorld, p publication) (flow.Action, error) {
	details, err := f.describe(ctx, view, w, p)
	if err != nil {
		return flow.Action{}, err
	}
	unsure, err := f.compareDeployed(ctx, view, w)
	var parts []string
	for _, u := range f.updates(w, p) {
		parts = append(parts, u.what)
	}
	return flow.Action{
		What:    fmt.Sprintf("publish %s on %s, all or nothing: %s", f.Version, f.Settings.Remote, strings.Join(parts, ", ")),
		Details: append(unsure, details...),
		Do:      func(ctx context.Context, report flow.Report) error { return f.publish(ctx, w, report) },
	}, err
}

// An update moves one ref of the remote from what it was when the plan was made.
type update struct{ what, ref, old, new string }

// updates are the refs that change.
func (f *Finish) updates(w finishWorld, p publication) []update {
	all := []update{
		{f.Settings.Production, "refs/heads/" + f.Settings.Production, w.production, p.production},
		{"tag " + w.tag, "refs/tags/" + w.tag, "", p.tag},
		{f.Settings.Development, "refs/heads/" + f.Settings.Development, w.development, p.development},
	}
	all = slices.DeleteFunc(all, func(u update) bool { return u.new == "" })
	if w.hotfix != "" {
		all = append(all, update{"delete " + w.branch, "refs/heads/" + w.branch, w.hotfix, ""})
	}
	return all
}

// describe says what is merged where; commit ids that depend on the time are left out, so that the same plan reads
// the same.
func (f *Finish) describe(ctx context.Context, view *Repository, w finishWorld, p publication) ([]string, error) {
	var details []string
	if p.production != "" {
		details = append(details, fmt.Sprintf("%s: merge %s (%s) into %s", f.Settings.Production, w.branch, short(w.hotfix), short(w.production)))
	}
	if p.development != "" {
		details = append(details, fmt.Sprintf("%s: merge tag %s into %s", f.Settings.Development, w.tag, short(w.development)))
	}
	if p.productionTree == "" {
		return details, nil
	}
	more, err := view.changed(ctx, w.hotfix+"^{tree}", p.productionTree)
	if len(more) > 0 {
		details = append(details, fmt.Sprintf("%s had more than the release: tag %s will differ from %s in %s",
			f.Settings.Production, w.tag, w.branch, listed(more)))
	}
	return details, err
}

// compareDeployed decides whether the version must be typed: where what is merged is not what was deployed.
func (f *Finish) compareDeployed(ctx context.Context, view *Repository, w finishWorld) ([]string, error) {
	if f.Deployed == nil || w.hotfix == "" {
		return nil, nil
	}
	deployed, err := f.Deployed(ctx)
	switch {
	case err != nil:
		return nil, err
	case deployed == "":
		return []string{"it is not known whether " + w.branch + " was deployed"}, nil
	case strings.HasPrefix(w.hotfix, deployed):
		return []string{fmt.Sprintf("deployed as it is: %s", short(deployed))}, nil
	}
	f.confirm = f.Version
	details := []string{fmt.Sprintf("NOT what was deployed: that was %s, %s is at %s", short(deployed), w.branch, short(w.hotfix))}
	if here, err := view.has(ctx, deployed); err != nil || !here {
		return details, err
	}
	commits, err := view.Commits(ctx, deployed, w.hotfix)
	for _, c := range commits {
		details = append(details, "  never deployed: "+c.String())
	}
	return details, err
}

// publish makes the merges for good and pushes everything at once. Each ref's lease is what it was when the plan was
// made: whatever moved since, nothing is pushed.
func (f *Finish) publish(ctx context.Context, w finishWorld, report flow.Report) error {
	r, s := f.Repository, f.Settings
	if err := f.bring(ctx, r, w); err != nil {
		return err
	}
	p, err := f.compute(ctx, r, w, true)
	if err != nil {
		return err
	}
	args := []string{"push", "--atomic", "--porcelain", "--no-follow-tags"}
	specs := []string{s.Remote}
	updates := f.updates(w, p)
	for _, u := range updates {
		args = append(args, "--force-with-lease="+u.ref+":"+u.old)
		specs = append(specs, u.new+":"+u.ref)
	}
	out, err := r.git.pipe(ctx, r.dir, nil, append(args, specs...)...)
	if err != nil {
		return f.refused(out, err)
	}
	for _, u := range updates {
		report.Fact(u.what, first(u.new, u.old))
	}
	return nil
}

// moved: the plan no longer fits.
func moved(remote string) error {
	return flow.Hint(fmt.Errorf("%s has moved since the plan was made; nothing was pushed", remote), "run the same command again")
}

// refused says in the server's words why nothing was published.
func (f *Finish) refused(out string, err error) error {
	switch {
	case strings.Contains(out, "(stale info)"):
		return moved(f.Settings.Remote)
	case strings.Contains(err.Error(), "does not support --atomic"):
		return flow.Hint(fmt.Errorf("publishing %s: %w", f.Version, err), "the server can't take all or nothing: merge, "+
			"tag, push each and delete the branch by hand; `hotfix finish "+f.Version+"` then tidies up here")
	}
	var refused []string
	for _, line := range strings.Split(out, "\n") {
		field := strings.Split(line, "\t") // "!", from:to, why
		if len(field) == 3 && field[0] == "!" && !strings.Contains(field[2], "(atomic ") {
			_, ref, _ := strings.Cut(field[1], ":")
			refused = append(refused, ref+": "+field[2])
		}
	}
	err = fmt.Errorf("publishing %s: %w", f.Version, err)
	if len(refused) == 0 {
		return flow.Hint(err, "run the same command again: it looks at what "+f.Settings.Remote+" has")
	}
	return flow.Hint(fmt.Errorf("%w\n%s", err, strings.Join(refused, "\n")),
		"nothing was published; once the server lets you, run the same command again")
}
