package main

import (
	"github.com/spf13/cobra"
)

func newRollback(a *app) *cobra.Command {
	var t target
	var f runFlags
	command := &cobra.Command{
		Use:   "rollback [VERSION]",
		Short: "Put back on the services what ran before the hotfix",
		Long: `Bring every service back to the image that ran before this hotfix's first change,
move the deployed tag back, and purge the CDN. Migrations are not undone.`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.nobody(f); err != nil {
				return err
			}
			t.version = args
			d, err := a.deployment(cmd.Context(), t)
			if err != nil {
				return err
			}
			f.urgent = true
			r, _, err := d.project.runner(f, d.about("rollback", "hotfix rollback "+d.hotfix.Version), d.rollback())
			if err != nil {
				return err
			}
			err = r.Run(cmd.Context())
			d.notUndone(r.Listen)
			return err
		},
	}
	addStack(command, &t)
	addRun(command, &f)
	command.Flags().StringVar(&f.why, "reason", "", "why, for the record and for whoever deploys it again")
	return command
}
