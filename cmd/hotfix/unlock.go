package main

import (
	"context"
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
			return p.unlock(cmd.Context(), yes)
		},
	}
	command.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for the holder's name")
	return command
}

// unlock wants the holder's name typed: it stops somebody's run.
func (p *project) unlock(ctx context.Context, yes bool) error {
	lock := p.repo.SharedLock(p.settings.Remote, "hotfix unlock")
	holder, held, err := lock.Holder(ctx)
	switch prompt := p.app.ask(); {
	case err != nil:
		return err
	case !held:
		p.app.say("nobody holds the lock")
		return nil
	case !yes && prompt == nil:
		return flow.Refuse(fmt.Errorf("locked: %s", holder), "hotfix unlock --yes takes it away")
	case !yes:
		fmt.Fprintln(p.app.err, p.app.redactor.Text(holder.String()))
		name, err := prompt.Type(ctx, "Type "+holder.Who+" to take the lock away")
		if err != nil || name != holder.Who {
			return errors.Join(err, flow.As(flow.ErrStopped, errors.New("stopped; the lock stays where it is")))
		}
	}
	if err := lock.Unlock(ctx); err != nil {
		return err
	}
	p.app.say("taken away: %s", holder)
	return nil
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
