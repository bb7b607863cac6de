package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// pending is what a phase has still to do: its plan without what the log says is done.
func (r *Runner) pending(ctx context.Context, p Phase) (actions []Action, why string, err error) {
	actions, err = p.Plan(ctx)
	if reason, ok := NothingToDo(err); ok {
		return nil, reason, nil
	}
	if err != nil {
		return nil, "", err
	}
	left := slices.DeleteFunc(slices.Clone(actions), func(a Action) bool { return !a.Seen && r.done(a.Key) })
	if len(left) == 0 {
		why = "done"
	}
	return left, why, nil
}

// done tells whether the log holds the end of an action with this key.
func (r *Runner) done(key string) bool {
	if key == "" {
		return false
	}
	last, ok := r.history.keep(func(e Entry) bool { return e.Key == key }).Last(Begun, Done, Failed)
	return ok && last.Kind == Done
}

// plan is pending, shown.
func (r *Runner) plan(ctx context.Context, p Phase) ([]Action, error) {
	r.emit(Event{Kind: EventPhase, Phase: p.Name()})
	actions, why, err := r.pending(ctx, p)
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Name(), err)
		r.emit(Event{Kind: EventFailed, Phase: p.Name(), Error: err.Error(), Hints: Hints(err)})
		return nil, err
	}
	e := Event{Kind: EventPlan, Phase: p.Name(), What: why, Actions: actions}
	for _, a := range actions {
		e.Plan = append(e.Plan, a.What)
	}
	r.emit(e)
	if why := uncalled(p, actions); why != "" {
		r.emit(Event{Kind: EventNote, Phase: p.Name(), What: "nothing in the patch calls for it: " + why})
	}
	return actions, nil
}

// uncalled is why nothing calls for all of a plan that may be left out; empty where something does.
func uncalled(p Phase, actions []Action) string {
	if !traits(p).Optional || slices.ContainsFunc(actions, func(a Action) bool { return a.Uncalled == "" }) {
		return ""
	}
	var reasons []string
	for _, a := range actions {
		if !slices.Contains(reasons, a.Uncalled) {
			reasons = append(reasons, a.Uncalled)
		}
	}
	return strings.Join(reasons, "; ")
}

// same tells whether two plans would make the same changes.
func same(a, b []Action) bool {
	return slices.EqualFunc(a, b, func(x, y Action) bool {
		return x.What == y.What && x.Key == y.Key && slices.Equal(x.Details, y.Details)
	})
}

func (r *Runner) named(name string) (Phase, error) {
	for _, p := range r.Phases {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, Refuse(fmt.Errorf("there is no phase %q", name), "the phases: "+r.list(func(Phase) bool { return true }))
}

func (r *Runner) list(want func(Phase) bool) string {
	var names []string
	for _, p := range r.Phases {
		if want(p) {
			names = append(names, p.Name())
		}
	}
	return strings.Join(names, ", ")
}

func isOptional(p Phase) bool { return traits(p).Optional }

// interrupted tells whether it ended because someone pressed Ctrl-C or sent a signal.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil || errors.Is(err, context.Canceled)
}
