package cloud

import (
	"context"

	"hotfix/internal/flow"
)

// Redeploy brings the other services to what they should run, one after the other. It begins with a look at the
// canary.
type Redeploy struct {
	Rollout
	// Looks returns what a person may do at the gate, with the canary: a shell, its log. May be nil.
	Looks func(service string) []flow.Look
}

// Name implements flow.Phase.
func (Redeploy) Name() string { return "redeploy" }

// Traits implements flow.Marked.
func (Redeploy) Traits() flow.Traits { return flow.Traits{Remote: true, TakeBack: true} }

// Plan implements flow.Phase.
func (p Redeploy) Plan(ctx context.Context) ([]flow.Action, error) {
	affected, err := p.affected(ctx)
	switch {
	case err != nil:
		return nil, err
	case len(affected) == 0:
		return nil, flow.Nothing("no service runs an image that this version changes")
	case len(affected) == 1:
		return nil, flow.Nothing(affected[0].Name + " is the only service that this version changes")
	}
	var actions []flow.Action
	for _, t := range affected[1:] {
		if !t.done() {
			actions = append(actions, p.update(t, nil))
		}
	}
	return actions, nil
}

// Gate implements flow.Gated. There is one while the canary runs what this version changes.
func (p Redeploy) Gate(ctx context.Context) (*flow.Gate, error) {
	affected, err := p.affected(ctx)
	if err != nil || len(affected) == 0 || !affected[0].done() {
		return nil, err
	}
	canary := affected[0]
	_, summary, err := p.summary(ctx, canary.Service)
	if err != nil {
		return nil, err
	}
	gate := &flow.Gate{Subject: canary.want, Summary: summary}
	gate.Ready = func(ctx context.Context, report flow.Report) error {
		_, err := p.Stack.Health(ctx, canary.Name, p.Monitor)
		if check := p.check(canary.Name); err == nil && check != nil {
			err = check(ctx, report)
		}
		return err
	}
	if p.Looks != nil {
		gate.Looks = p.Looks(canary.Name)
	}
	return gate, nil
}
