package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newDoctor(a *app) *cobra.Command {
	var t target
	var json bool
	command := &cobra.Command{
		Use:   "doctor [VERSION]",
		Short: "Check everything that the routine will touch, writes included",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.version = args
			return a.doctor(cmd.Context(), t, a.listener(json, nil))
		},
	}
	addStack(command, &t)
	command.Flags().BoolVar(&json, "json", false, "print events to standard output, one a line")
	return command
}

// doctor goes from the repository to the stack to each phase; what can't be reached ends it, what is wrong beyond
// that is all told.
func (a *app) doctor(ctx context.Context, t target, listen flow.Listener) error {
	found := func(what, value string) { listen.Event(flow.Event{Kind: flow.EventCheck, What: what, Value: value}) }
	d, err := a.deployment(ctx, t)
	if err != nil {
		return err
	}
	found("repository", d.repo.Dir())
	found("hotfix", fmt.Sprintf("%s, commit %s", d.hotfix.Branch, short(d.hotfix.Commit)))
	found("stack", d.place())
	found("deployed", d.hotfix.Deployed)
	services, err := d.affectable(ctx)
	if err != nil {
		return err
	}
	failures := []error{d.descends(ctx, d.hotfix, d.file.ImageTag, services)}
	if _, err := d.look(ctx); err != nil {
		failures = append(failures, err)
	}
	failures = append(failures, flow.Prove(ctx, append([]flow.Phase{ours{d}}, d.deploy()...), listen)...)
	return errors.Join(failures...)
}

// ours are the checks that belong to no phase: the log and the lock.
type ours struct{ *deployment }

// Name implements flow.Phase.
func (ours) Name() string { return "hotfix" }

// Plan implements flow.Phase.
func (ours) Plan(context.Context) ([]flow.Action, error) { return nil, nil }

// Checks implements flow.Checked.
func (o ours) Checks() []flow.Check {
	return []flow.Check{{What: "the lock", Do: func(ctx context.Context) (string, error) {
		lock := o.repo.SharedLock(o.settings.Remote, "hotfix doctor")
		if err := lock.Acquire(ctx); err != nil {
			return "", err
		}
		return "free, on " + o.settings.Remote, lock.Release(ctx)
	}}}
}
