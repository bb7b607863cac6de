package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newStatus(a *app) *cobra.Command {
	var t target
	var f runFlags
	command := &cobra.Command{
		Use:   "status [VERSION]",
		Short: "Show what each service runs, and what is left of the routine",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.version, f.dryRun = args, true
			return a.status(cmd.Context(), t, f)
		},
	}
	addStack(command, &t)
	command.Flags().BoolVar(&f.json, "json", false, "print events to standard output, one a line")
	return command
}

func (a *app) status(ctx context.Context, t target, f runFlags) error {
	if len(t.version) == 0 {
		p, err := a.open(ctx)
		if err != nil {
			return err
		}
		if _, err := p.version(ctx, nil); err != nil { // not on a hotfix branch: the last one, then
			if last, ok := p.last(); ok {
				t.version = []string{last}
			}
		}
	}
	d, err := a.deployment(ctx, t)
	if err != nil {
		return err
	}
	services, err := d.affectable(ctx)
	if err != nil {
		return err
	}
	r, _, err := d.project.runner(f, d.about("status", ""), d.deploy())
	if err != nil {
		return err
	}
	for _, s := range services {
		commit, err := d.runningCommit(ctx, d.file.ImageTag, s)
		if err != nil {
			commit = "unknown: " + err.Error()
		}
		r.Listen.Event(flow.Event{Kind: flow.EventNote,
			What: fmt.Sprintf("%s runs %.7s, %d of %d healthy (%s)", s.Name, commit, s.Healthy, s.Containers, s.Ref(s.Digest))})
	}
	return r.Run(ctx)
}
