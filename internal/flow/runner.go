package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A Runner runs phases in order. Confirmation, dry run, resume and taking back exist here, once, and in no
// phase.
type Runner struct {
	About  About
	Phases []Phase
	// Back are the phases towards the baseline, run when a TakeBack phase fails or the user asks for it.
	Back []Phase
	// Baseline tells what runs now, one fact a service; it is logged before the version's first change. May
	// be nil.
	Baseline func(ctx context.Context) (map[string]string, error)
	// Looks are what the user may do in a menu after the first change: read the log, open a shell.
	Looks []Look
	// Urgent: the first change waits for nothing that only a later phase needs. So it is on the way back: services
	// are served by their old images though the registry can't be reached.
	Urgent bool
	// Further are lines about the whole run that were too many to be shown; Details shows them.
	Further []string

	Log    Log
	Lock   Lock     // nil: none is needed
	Prompt Prompter // nil: nobody to ask
	Listen Listener
	Options

	history  History
	settled  bool // up to the gate, the user has answered in advance
	changed  bool // the registry or the stack may differ from the baseline
	recorded bool // the run is in the log
	locked   bool // the lock is to be given back
}

// About says what a run is about; every entry of its log and every prompt names it.
type About struct {
	Command string // deploy, rollback, finish, start
	Run     string // identity of this execution
	Who     string // user@host
	Version string // 16.03.1b
	Stack   string // its name in hotfix.yml; empty where none is touched
	Commit  string // the hotfix commit
	Place   string // what every prompt names: "production (compose project acme on unix:///…)"
	Again   string // the command that resumes: "hotfix deploy --stack production"
}

// Options are the user's, from the command line.
type Options struct {
	Yes     bool              // answers every confirmation but typed names and what is unsure
	DryRun  bool              // plans, and stops
	Confirm string            // the name that would be typed
	Only    string            // runs this phase alone
	Skip    map[string]string // phase: reason
	Again   bool              // deploys a commit that was rolled back
	Reason  string            // why all this is done, for the record
}

// patience is how long an answer may take before the plan is made again.
const patience = 3 * time.Second

// Run runs the routine. The error's class (ErrStopped, ErrRolledBack, …) says how it ended.
func (r *Runner) Run(ctx context.Context) error {
	start := time.Now()
	r.emit(Event{Kind: EventRun, What: r.title()})
	err := r.run(ctx)
	if err != nil && ctx.Err() != nil {
		err = As(context.Canceled, err) // whatever words what was cut off had for it
	}
	r.finish(ctx, err, time.Since(start))
	return err
}

func (r *Runner) run(ctx context.Context) error {
	if err := r.checkOptions(); err != nil {
		return err
	}
	if err := r.readLog(ctx); err != nil {
		return err
	}
	if r.DryRun {
		return r.dryRun(ctx)
	}
	ahead, err := r.ahead(ctx)
	if err != nil || len(ahead) == 0 {
		return err
	}
	if r.Urgent {
		ahead = ahead[:1]
	}
	if err := r.prove(ctx, ahead); err != nil {
		return err
	}
	if r.Lock != nil {
		if err := r.Lock.Acquire(ctx); err != nil {
			return err
		}
		r.locked = true
	}
	// Someone may have finished while we were proving: what the log says counts from the lock on.
	if err := r.readLog(ctx); err != nil {
		return err
	}
	if err := r.agree(ctx); err != nil {
		return err
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	for _, p := range r.chosen() {
		if err := r.phase(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) checkOptions() error {
	if r.Prompt == nil && !r.Yes && !r.DryRun {
		return NobodyToAsk()
	}
	for name, reason := range r.Skip {
		p, err := r.named(name)
		switch {
		case err != nil:
			return err
		case !traits(p).Optional:
			return Refuse(fmt.Errorf("phase %s can't be skipped", name), "the phases that can: "+r.list(isOptional))
		case reason == "":
			return Refuse(fmt.Errorf("skipping %s needs a reason, for the record", name), `add --reason "…"`)
		}
	}
	if r.Only != "" {
		_, err := r.named(r.Only)
		return err
	}
	return nil
}

// chosen are the phases of this run, in order.
func (r *Runner) chosen() []Phase {
	if r.Only == "" {
		return r.Phases
	}
	p, _ := r.named(r.Only)
	return []Phase{p}
}

// dryRun plans every phase and stops. A phase has no other road to a side effect.
func (r *Runner) dryRun(ctx context.Context) error {
	if back, is := r.rolledBack(); is {
		r.emit(Event{Kind: EventNote, What: r.history.whyRolledBack(back)})
	}
	for _, p := range r.chosen() {
		if reason, ok := r.Skip[p.Name()]; ok {
			r.emit(Event{Kind: EventSkipped, Phase: p.Name(), What: reason})
			continue
		}
		if _, err := r.plan(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ahead are the phases that have something to do as the world is now. It shows nothing where there is
// something, and every phase's reason where there is nothing at all.
func (r *Runner) ahead(ctx context.Context) (ahead []string, err error) {
	var idle []Event
	for _, p := range r.chosen() {
		if _, skipped := r.Skip[p.Name()]; skipped {
			continue
		}
		actions, why, err := r.pending(ctx, p)
		if err != nil && r.Urgent && len(ahead) > 0 {
			continue // it is told at its turn
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.Name(), err)
		}
		gate, err := r.openGate(ctx, p)
		if err != nil {
			return nil, err
		}
		if len(actions) > 0 || gate != nil {
			ahead = append(ahead, p.Name())
		}
		idle = append(idle, Event{Kind: EventPlan, Phase: p.Name(), What: why})
	}
	if len(ahead) == 0 {
		for _, e := range idle {
			r.emit(e)
		}
	}
	return ahead, nil
}

// prove runs the checks of the phases ahead before the first change, all of them, so that nobody finds out at
// the last one.
func (r *Runner) prove(ctx context.Context, ahead []string) error {
	var failures []error
	var phases []Phase
	for _, p := range r.chosen() {
		if !traits(p).Always && !slices.Contains(ahead, p.Name()) {
			continue
		}
		if name := traits(p).Confirm; name != "" && r.Yes && r.Confirm != name {
			failures = append(failures, untyped(p, name))
		}
		phases = append(phases, p)
	}
	return errors.Join(append(failures, Prove(ctx, phases, r.Listen)...)...)
}

// Prove runs the checks of some phases, each once, tells the listener what it found, and returns those that failed.
func Prove(ctx context.Context, phases []Phase, listen Listener) []error {
	var failures []error
	done := map[string]bool{}
	for _, p := range phases {
		checked, ok := p.(Checked)
		if !ok {
			continue
		}
		for _, check := range checked.Checks() {
			if done[check.What] {
				continue
			}
			done[check.What] = true
			found, err := check.Do(ctx)
			e := Event{Time: time.Now(), Kind: EventCheck, Phase: p.Name(), What: check.What, Value: found}
			if err != nil {
				e.Error, e.Hints = err.Error(), Hints(err)
				failures = append(failures, fmt.Errorf("%s: %w", check.What, err))
			}
			listen.Event(e)
		}
	}
	return failures
}
