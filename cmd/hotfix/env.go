package main

import (
	"github.com/spf13/cobra"
)

func newEnv(a *app) *cobra.Command {
	var t target
	var secrets bool
	command := &cobra.Command{
		Use:     "env [VERSION]",
		Short:   "Print the deploy variables for a shell",
		Example: `  eval "$(hotfix env --sha 3209ce7)"`,
		Args:    arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			t.version = args
			d, err := a.deployment(cmd.Context(), t)
			if err != nil {
				return err
			}
			if secrets {
				if err := d.secrets.Resolve(cmd.Context()); err != nil {
					return err
				}
			}
			// Asked for, secrets go to standard output as they are: that is what a shell needs.
			_, err = a.out.WriteString(d.variables.Export(secrets))
			return err
		},
	}
	command.Flags().StringVar(&t.sha, "sha", "", "what the stack must run (default: found out)")
	addStack(command, &t)
	command.Flags().BoolVar(&secrets, "secrets", false, "include the secrets")
	return command
}
