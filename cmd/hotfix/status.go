package main

import (
	"context"

	"github.com/spf13/cobra"
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
	t.orLast = true
	d, err := a.deployment(ctx, t)
	if err != nil {
		return err
	}
	d.stack = &glance{Stack: d.stack}
	services, err := d.affectable(ctx)
	if err != nil {
		return err
	}
	r, _, err := d.project.runner(f, d.about("status", ""), d.deploy())
	if err != nil {
		return err
	}
	d.tellServices(ctx, services, r.Listen)
	return r.Run(ctx)
}
