package cloud

import (
	"context"
	"fmt"

	"hotfix/internal/flow"
)

// Canary redeploys the first service that this version changes, and checks it before its old container is given
// up.
type Canary struct{ Rollout }

// Name implements flow.Phase.
func (Canary) Name() string { return "canary" }

// Traits implements flow.Marked.
func (Canary) Traits() flow.Traits { return flow.Traits{Remote: true, TakeBack: true} }

// Plan implements flow.Phase.
func (c Canary) Plan(ctx context.Context) ([]flow.Action, error) {
	affected, err := c.affected(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(affected) == 0:
		return nil, flow.Nothing("no service runs an image that this version changes")
	case affected[0].done():
		return nil, flow.Nothing(affected[0].Name + " runs " + Short(affected[0].want))
	}
	canary := affected[0]
	action := c.update(canary, c.check(canary.Name))
	for _, command := range c.Checks {
		action.Details = append(action.Details, "check: "+command.String())
	}
	return []flow.Action{action}, nil
}

// check runs the checks, by default in the canary; nil where there are none.
func (r Rollout) check(canary string) func(context.Context, flow.Report) error {
	if len(r.Checks) == 0 {
		return nil
	}
	return func(ctx context.Context, report flow.Report) error {
		for _, c := range r.Checks {
			service := c.In
			if service == "" {
				service = canary
			}
			exit, err := r.Stack.Exec(ctx, service, c.Run, report)
			if err != nil {
				return fmt.Errorf("check %s: %w", c, err)
			}
			if exit != 0 {
				return fmt.Errorf("check %s in %s: exit status %d", c, service, exit)
			}
			report.Fact("check "+c.String(), "passed")
		}
		return nil
	}
}
