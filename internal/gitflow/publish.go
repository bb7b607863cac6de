package gitflow

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// publishAction describes what the remote gets, all or nothing.
func (f *Finish) publishAction(ctx context.Context, view *Repository, w finishWorld, p publication) (flow.Action, error) {
	details := f.describe(w, p)
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
	if len(p.waits) > 0 {
		return all
	}
	if w.hotfix != "" {
		all = append(all, update{"delete " + w.branch, "refs/heads/" + w.branch, w.hotfix, ""})
	}
	for _, into := range slices.Sorted(maps.Keys(w.merges)) {
		if head := w.merges[into]; head != "" {
			all = append(all, update{"delete " + f.mergeBranch(into), "refs/heads/" + f.mergeBranch(into), head, ""})
		}
	}
	return all
}

// describe says what is merged where; commit ids that depend on the time are left out, so that the same plan reads
// the same.
func (f *Finish) describe(w finishWorld, p publication) []string {
	var details []string
	if p.production != "" {
		details = append(details, fmt.Sprintf("%s: merge %s (%s) into %s", f.Settings.Production, w.branch, short(w.hotfix), short(w.production)))
	}
	if p.development != "" {
		details = append(details, fmt.Sprintf("%s: merge tag %s into %s", f.Settings.Development, w.tag, short(w.development)))
	}
	if p.squashed != "" {
		details = append(details, fmt.Sprintf("%s has %s squashed or rebased, as %s: that is what the tag names",
			f.Settings.Production, w.branch, short(p.squashed)))
	}
	if f.TagOnly {
		details = append(details, fmt.Sprintf("%s and %s do not get it", f.Settings.Production, f.Settings.Development))
	}
	if len(p.more) > 0 {
		f.confirm = f.Version
		details = append(details, fmt.Sprintf("%s had more than the release: tag %s will differ from %s in %s",
			f.Settings.Production, w.tag, w.branch, listed(p.more)),
			"or --tag-only: tag "+w.branch+" as it is, and merge it nowhere")
	}
	return append(details, f.openReleases(w)...)
}

// publish makes the merges for good and pushes everything at once. Each ref's lease is what it was when the plan was
// made: whatever moved since, nothing is pushed.
func (f *Finish) publish(ctx context.Context, w finishWorld, report flow.Report) error {
	r, s := f.Repository, f.Settings
	if err := f.bring(ctx, r, w); err != nil {
		return err
	}
	p, err := f.compute(ctx, r, w, false)
	if err != nil {
		return err
	}
	if f.PullRequest {
		if _, err := f.requests(ctx, r, w, &p); err != nil { // leaves to others what is theirs
			return err
		}
	}
	updates := f.updates(w, p)
	err = f.pushAndLook(ctx, report, w, updates)
	if err == nil {
		f.after = f.published(w, p)
	}
	if err == nil || !strings.Contains(err.Error(), "does not support --atomic") {
		return err
	}
	fmt.Fprintf(report, "%s can't take all or nothing: one after the other, what deletes last\n", s.Remote)
	for i, u := range updates {
		if err := f.push(ctx, report, false, u); err != nil {
			return f.halfway(updates[:i], err)
		}
	}
	return nil
}

// pushAndLook publishes all at once and looks at the user's files meanwhile: what follows may leave the branch.
func (f *Finish) pushAndLook(ctx context.Context, report flow.Report, w finishWorld, updates []update) error {
	var group errgroup.Group
	f.looked = time.Time{}
	if w.current == w.branch {
		group.Go(func() error { return f.lookAtFiles(ctx) })
	}
	err := f.push(ctx, report, true, updates...)
	_ = group.Wait() // what was not seen is looked at again
	return err
}

// push moves refs of the remote, each from what it was when the plan was made.
func (f *Finish) push(ctx context.Context, report flow.Report, atomic bool, updates ...update) error {
	var args []string
	if atomic {
		args = append(args, "--atomic")
	}
	specs := []string{f.Settings.Remote}
	for _, u := range updates {
		args = append(args, "--force-with-lease="+u.ref+":"+u.old)
		specs = append(specs, u.new+":"+u.ref)
	}
	out, err := f.Repository.push(ctx, append(args, specs...)...)
	if err != nil {
		return f.refused(out, err)
	}
	for _, u := range updates {
		report.Fact(u.what, first(u.new, u.old))
	}
	return nil
}

// halfway says what is published already, where a server takes one thing after the other.
func (f *Finish) halfway(done []update, err error) error {
	var parts []string
	for _, u := range done {
		parts = append(parts, u.what)
	}
	if len(parts) == 0 {
		return err
	}
	return flow.Hint(fmt.Errorf("%w\npublished before that: %s", err, strings.Join(parts, ", ")),
		"run the same command again: it goes on from there")
}

// moved: the plan no longer fits.
func moved(remote string) error {
	return flow.Hint(flow.As(errMoved, fmt.Errorf("%s has moved since the plan was made; nothing was pushed", remote)), "run the same command again")
}

// refused says in the server's words why nothing was published.
func (f *Finish) refused(out string, err error) error {
	switch {
	case strings.Contains(out, "(stale info)"):
		return moved(f.Settings.Remote)
	case strings.Contains(err.Error(), "does not support --atomic"):
		return err
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
		"once the server lets you, run the same command again; a protected branch takes pull requests: "+
			"`hotfix finish "+f.Version+" --pull-request` pushes the merges and says what to open")
}
