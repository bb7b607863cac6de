package flow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// What the user may choose in a menu.
const (
	Run         = "Run"
	RunToCanary = "Run to canary"
	Continue    = "Continue"
	Retry       = "Retry"
	Details     = "Details"
	Skip        = "Skip"
	RollBack    = "Roll back"
	Stop        = "Stop"
)

// phase takes one phase from its plan to its end. A failure that the user retries plans again.
func (r *Runner) phase(ctx context.Context, p Phase) error {
	if reason, ok := r.Skip[p.Name()]; ok {
		return r.skip(ctx, p, reason)
	}
	for {
		skipped, err := r.attempt(ctx, p)
		if err == nil || skipped {
			return err
		}
		if again, err := r.failed(ctx, p, err); !again {
			return err
		}
	}
}

// attempt plans, asks and runs, once.
func (r *Runner) attempt(ctx context.Context, p Phase) (skipped bool, err error) {
	start := time.Now()
	actions, err := r.plan(ctx, p)
	if err != nil {
		return false, err
	}
	gated, err := r.passGate(ctx, p)
	if err != nil {
		return false, err
	}
	if actions, err = r.settle(ctx, p, actions); err != nil || len(actions) == 0 {
		return false, err
	}
	if !gated || traits(p).Confirm != "" { // a gate does not type a name
		answer, agreed, err := r.confirm(ctx, p, actions)
		if err != nil {
			return false, err
		}
		if answer == Skip {
			reason := "left out by " + r.About.Who
			if why := uncalled(p, actions); why != "" {
				reason += ": " + why
			}
			return true, r.skip(ctx, p, reason)
		}
		actions = agreed
	}
	for _, a := range actions {
		if err := r.act(ctx, p, a); err != nil {
			return false, r.leave(ctx, p, a, err)
		}
	}
	r.emit(Event{Kind: EventDone, Phase: p.Name(), Seconds: time.Since(start).Seconds()})
	return false, nil
}

// act makes one change, between its begin and its end in the log.
func (r *Runner) act(ctx context.Context, p Phase, a Action) error {
	if err := r.mayAct(ctx); err != nil {
		return err
	}
	entry := Entry{Kind: Begun, Phase: p.Name(), Key: a.Key, What: a.What}
	if err := r.record(ctx, entry); err != nil {
		return fmt.Errorf("nothing was changed: the log can't be written: %w", err)
	}
	r.emit(Event{Kind: EventAction, Phase: p.Name(), What: a.What})
	if traits(p).Remote {
		r.changed = true
	}
	report := &reporter{runner: r, phase: p.Name(), facts: map[string]string{}}
	start := time.Now()
	err := a.Do(ctx, report)
	if err != nil {
		err = fmt.Errorf("%s: %w", p.Name(), err)
	}
	return As(errChanging, r.ended(ctx, entry, report.facts, time.Since(start), err))
}

// ended tells how something went and writes it down, Ctrl-C or not. It returns what went wrong with either.
func (r *Runner) ended(ctx context.Context, entry Entry, facts map[string]string, took time.Duration, err error) error {
	facts["seconds"] = fmt.Sprintf("%.2f", took.Seconds())
	entry.Kind, entry.Facts = Done, facts
	e := Event{Kind: EventDone, Phase: entry.Phase, What: entry.What, Seconds: took.Seconds()}
	if err != nil {
		entry.Kind, entry.Error = Failed, err.Error()
		e.Kind, e.Error, e.Hints = EventFailed, err.Error(), Hints(err)
	}
	r.emit(e)
	end, cancel := Cleanup(ctx)
	defer cancel()
	return errors.Join(err, r.record(end, entry))
}

// errChanging marks a failure after which the stack may not be as it was: planning alone never is one.
var errChanging = errors.New("while changing something")

// mayAct checks that we were not interrupted and that the lock is still ours.
func (r *Runner) mayAct(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if r.Lock == nil {
		return nil
	}
	return r.Lock.Held(ctx)
}

// skip leaves a phase out, on the record.
func (r *Runner) skip(ctx context.Context, p Phase, reason string) error {
	r.emit(Event{Kind: EventSkipped, Phase: p.Name(), What: reason})
	return r.record(ctx, Entry{Kind: Skipped, Phase: p.Name(), Facts: map[string]string{"reason": reason}})
}

// failed decides what follows a failure: taking back by itself, or the user's choice. again means: plan and
// try once more.
func (r *Runner) failed(ctx context.Context, p Phase, cause error) (again bool, err error) {
	switch {
	case interrupted(ctx, cause), errors.Is(cause, ErrStopped), errors.Is(cause, ErrLocked), errors.Is(cause, ErrRolledBack):
		return false, cause
	case len(r.Back) > 0 && (traits(p).TakeBack && errors.Is(cause, errChanging) || errors.Is(cause, errNotReady)):
		return false, r.takeBack(ctx, cause)
	case r.Prompt == nil || r.Yes:
		return false, cause
	}
	story := append(strings.Split(cause.Error(), "\n"), Hints(cause)...)
	switch answer, err := r.menu(ctx, p.Name()+" failed. What now?", story, Retry, Stop); {
	case err != nil:
		return false, err
	case answer == RollBack:
		return false, r.takeBack(ctx, cause)
	case answer == Stop:
		return false, As(ErrStopped, cause)
	}
	return true, nil
}
