package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"hotfix/internal/flow"
)

func newUnlock(a *app) *cobra.Command {
	var yes bool
	command := &cobra.Command{
		Use:   "unlock",
		Short: "Take the lock away from a run that is stuck",
		Long:  "Take the lock away. The run that held it stops at its next action.",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.open(cmd.Context())
			if err != nil {
				return err
			}
			lock := p.repo.Lock("hotfix unlock")
			if held := lock.Acquire(cmd.Context()); held == nil {
				a.say("nobody holds the lock")
				return lock.Release(cmd.Context())
			} else if !yes && a.ask() == nil {
				return flow.Refuse(errors.New(held.Error()), "hotfix unlock --yes takes it away")
			} else if !yes {
				fmt.Fprintln(a.err, held)
				if answer, err := a.choose(cmd.Context(), "way", "--yes", []string{"Leave it", "Take it away"}); err != nil || answer != "Take it away" {
					return err
				}
			}
			was, ok, err := lock.Unlock(cmd.Context())
			if err == nil && ok {
				a.say("taken away: %s", was)
			}
			return err
		},
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return command
}

var version = "devel" // set when it is built

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print hotfix's own version", Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			a.say("hotfix %s", version)
			return nil
		},
	}
}

var _ flow.Phase = ours{}
