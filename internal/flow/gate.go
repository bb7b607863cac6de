package flow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// openGate returns the phase's gate if there is one that was not accepted yet.
func (r *Runner) openGate(ctx context.Context, p Phase) (*Gate, error) {
	g, ok := p.(Gated)
	if !ok {
		return nil, nil
	}
	gate, err := g.Gate(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking at what %s begins with: %w", p.Name(), err)
	}
	if gate == nil || r.history.sinceRollback().Accepted(gate.Subject) {
		return nil, nil
	}
	return gate, nil
}

// passGate asks the phase's gate until it is accepted. It tells whether it asked: then the phase's plan needs
// no other answer.
func (r *Runner) passGate(ctx context.Context, p Phase) (asked bool, err error) {
	if _, ok := p.(Gated); ok {
		r.settled = false // "run to canary" ends here
	}
	gate, err := r.openGate(ctx, p)
	if gate == nil {
		return false, err
	}
	r.changed = true // what stands at a gate runs on the stack
	for _, line := range gate.Summary {
		r.emit(Event{Kind: EventNote, Phase: p.Name(), What: line})
	}
	if r.Yes {
		err = r.ready(ctx, p, gate)
	} else {
		err = r.askGate(ctx, p, gate)
	}
	if err == nil {
		err = r.mayAct(ctx) // whoever slept at the gate accepts nothing
	}
	if err != nil {
		return true, err
	}
	return true, r.record(ctx, Entry{Kind: Accepted, Phase: p.Name(), Key: gate.Subject})
}

// ready lets the gate itself answer for --yes. That it does not accept is on the record, with the reason: it is taken
// back next.
func (r *Runner) ready(ctx context.Context, p Phase, gate *Gate) error {
	report := &reporter{runner: r, phase: p.Name(), facts: map[string]string{}}
	start := time.Now()
	err := gate.Ready(ctx, report)
	if err == nil || interrupted(ctx, err) {
		return err
	}
	entry := Entry{Phase: p.Name(), What: "accept " + gate.Subject}
	return As(errNotReady, r.ended(ctx, entry, report.facts, time.Since(start), err))
}

func (r *Runner) askGate(ctx context.Context, p Phase, gate *Gate) error {
	q := Question{Title: r.at(p.Name()), Choices: r.withBack([]string{Continue}, gate.Looks), Default: Stop}
	answer, err := r.choose(ctx, q, gate.Looks)
	switch {
	case err != nil:
		return err
	case answer == RollBack:
		return r.takeBack(ctx, nil)
	case answer == Stop:
		return r.stopped()
	}
	return nil
}

// errNotReady marks what runs at a gate and can't be accepted: it is taken back, whichever phase the gate is before.
var errNotReady = errors.New("not ready")

// gateAhead tells whether a gate follows this phase, so that "run to canary" has somewhere to run to.
func (r *Runner) gateAhead(p Phase) bool {
	seen := false
	for _, other := range r.chosen() {
		if _, ok := other.(Gated); ok && seen {
			return true
		}
		seen = seen || other.Name() == p.Name()
	}
	return false
}

// ours is the lock that the run around holds. What fails is taken back also where nobody can tell whose the lock is
// now, but never once it is someone else's.
type ours struct{ Lock }

// Acquire implements Lock.
func (ours) Acquire(context.Context) error { return nil }

// Held implements Lock.
func (o ours) Held(ctx context.Context) error {
	if err := o.Lock.Held(ctx); errors.Is(err, ErrLocked) {
		return err
	}
	return nil
}

// Release implements Lock.
func (ours) Release(context.Context) error { return nil }

// takeBack runs the phases towards the baseline. cause is nil when the user asked for it.
func (r *Runner) takeBack(ctx context.Context, cause error) error {
	about := r.About
	about.Command = "rollback"
	back := &Runner{About: about, Phases: r.Back, Log: r.Log, Listen: r.Listen, Options: Options{Yes: true}, recorded: true}
	if r.Lock != nil {
		back.Lock = ours{r.Lock}
	}
	if err := back.Run(ctx); err != nil {
		return Hint(errors.Join(cause, fmt.Errorf("and taking it back failed: %w", err)), "try again: hotfix rollback "+r.About.Version)
	}
	if cause == nil {
		cause = errors.New("taken back as asked")
	}
	return As(ErrRolledBack, fmt.Errorf("%w\nrolled back: what ran before serves", cause))
}
