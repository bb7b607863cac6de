package cloud

import (
	"context"
	"slices"

	"hotfix/internal/flow"
)

// Restore brings the services back to what ran before this version, the last one first.
type Restore struct{ Rollout }

// Name implements flow.Phase.
func (Restore) Name() string { return "restore" }

// Traits implements flow.Marked.
func (Restore) Traits() flow.Traits { return flow.Traits{Remote: true} }

// Plan implements flow.Phase.
func (r Restore) Plan(ctx context.Context) ([]flow.Action, error) {
	before, err := r.baseline(ctx)
	if err != nil {
		return nil, err
	}
	if len(before) == 0 {
		return nil, flow.Nothing("this version has changed nothing")
	}
	services, err := r.serving(ctx)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, s := range services {
		if t := (target{Service: s, want: before[s.Name]}); t.want != "" && !t.done() {
			targets = append(targets, t)
		}
	}
	r.canaryFirst(targets)
	slices.Reverse(targets)
	var actions []flow.Action
	for _, t := range targets {
		actions = append(actions, r.takeBack(t))
	}
	if len(actions) == 0 {
		return nil, flow.Nothing("every service runs what it ran before this version")
	}
	return actions, nil
}

// takeBack is the action that brings one service back. What it was like until then goes into the report first.
func (r Restore) takeBack(t target) flow.Action {
	action := r.update(t, nil)
	update := action.Do
	action.Do = func(ctx context.Context, report flow.Report) error {
		r.keep(ctx, t.Service, report)
		return update(ctx, report)
	}
	return action
}

// Digests returns the digest that each service of these repositories runs, for the baseline. A service whose
// digest is not known stands in the way: there would be no way back to it.
func Digests(ctx context.Context, stack Stack, repositories []string) (map[string]string, error) {
	services, err := Rollout{Stack: stack, Repositories: repositories}.serving(ctx)
	if err != nil {
		return nil, err
	}
	digests := map[string]string{}
	for _, s := range services {
		if s.Digest == "" {
			return nil, unknownDigest(s)
		}
		digests[s.Name] = s.Digest
	}
	return digests, nil
}
