package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newShell(a *app) *cobra.Command {
	var t target
	command := &cobra.Command{
		Use:     "shell [SERVICE] [-- COMMAND...]",
		Short:   "Open a shell inside a running service",
		Example: "  hotfix shell phpfiles\n  hotfix shell phpfiles -- php -v",
		RunE: func(cmd *cobra.Command, args []string) error {
			service, inside := args, []string(nil)
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				service, inside = args[:n], args[n:]
			}
			d, name, err := a.service(cmd.Context(), t, service)
			if err != nil {
				return err
			}
			exit, err := d.stack.Shell(cmd.Context(), name, inside, a.in, a.out)
			if err == nil && exit != 0 {
				err = fmt.Errorf("the shell in %s ended with exit status %d", name, exit)
			}
			return err
		},
	}
	addStack(command, &t)
	command.Flags().StringSliceVar(&t.version, "hotfix", nil, "the hotfix's version, where the branch does not tell it")
	return command
}

func newLogs(a *app) *cobra.Command {
	var t target
	var follow bool
	var tail int
	command := &cobra.Command{
		Use:   "logs [SERVICE]",
		Short: "Show a service's log",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, name, err := a.service(cmd.Context(), t, args)
			if err != nil {
				return err
			}
			return d.stack.Logs(cmd.Context(), name, follow, tail, redacting{a, a.out})
		},
	}
	addStack(command, &t)
	command.Flags().StringSliceVar(&t.version, "hotfix", nil, "the hotfix's version, where the branch does not tell it")
	command.Flags().BoolVarP(&follow, "follow", "f", false, "go on until Ctrl-C")
	command.Flags().IntVarP(&tail, "tail", "n", 100, "how many lines to begin with")
	return command
}

// service is the stack and the service that is meant: the one named, else the canary.
func (a *app) service(ctx context.Context, t target, args []string) (*deployment, string, error) {
	if len(args) > 1 {
		return nil, "", flow.Refuse(fmt.Errorf("one service, not %d", len(args)), "hotfix shell SERVICE -- COMMAND")
	}
	d, err := a.deployment(ctx, t)
	if err != nil {
		return nil, "", err
	}
	if len(args) == 1 {
		return d, args[0], nil
	}
	services, err := d.affectable(ctx)
	if err != nil {
		return nil, "", err
	}
	return d, d.canaryName(services), nil
}

// redacting writes without the secrets that are known.
type redacting struct {
	app *app
	out *os.File
}

// Write implements io.Writer.
func (r redacting) Write(p []byte) (int, error) {
	if _, err := r.out.WriteString(r.app.redactor.Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
