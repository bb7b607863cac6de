package flow

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// readLog reads what happened to this version on this stack.
func (r *Runner) readLog(ctx context.Context) error {
	entries, err := r.Log.Entries(ctx)
	if err != nil {
		return fmt.Errorf("reading the log: %w", err)
	}
	r.history = History(entries).Of(r.About.Version, r.About.Stack)
	for _, p := range r.Phases {
		_, did := r.history.sinceRollback().Phase(p.Name()).Last(Done)
		r.changed = r.changed || (did && traits(p).Remote)
	}
	return nil
}

// begin writes down that the run begins and, before the version's first change, what ran until now.
func (r *Runner) begin(ctx context.Context) error {
	if r.recorded {
		return nil
	}
	r.recorded = true
	started := Entry{Kind: Started, What: r.title()}
	if r.Reason != "" {
		started.Facts = map[string]string{"reason": r.Reason}
	}
	if err := r.record(ctx, started); err != nil {
		return err
	}
	if r.Baseline == nil {
		return nil
	}
	if _, known := r.history.Last(Baseline); known {
		return nil
	}
	facts, err := r.Baseline(ctx)
	if err != nil {
		return fmt.Errorf("reading what runs now, to be able to go back to it: %w", err)
	}
	return r.record(ctx, Entry{Kind: Baseline, Facts: facts})
}

// record appends to the log and to what is known of it.
func (r *Runner) record(ctx context.Context, e Entry) error {
	a := r.About
	e.Time, e.Run, e.Command, e.Who, e.Version, e.Stack, e.Commit = time.Now().UTC(), a.Run, a.Command, a.Who, a.Version, a.Stack, a.Commit
	if err := r.Log.Append(ctx, e); err != nil {
		return fmt.Errorf("writing the log: %w", err)
	}
	r.history = append(r.history, e)
	return nil
}

// finish gives the lock back and writes down how the run ended, at the same time: each may be a way to a remote. A run
// that changed nothing leaves no entry.
func (r *Runner) finish(ctx context.Context, err error, took time.Duration) {
	end, cancel := Cleanup(ctx)
	defer cancel()
	outcome, unlocked := Outcome(err), make(chan error, 1)
	go func() { unlocked <- r.unlock(end) }()
	if r.recorded {
		facts := map[string]string{"outcome": outcome, "seconds": fmt.Sprintf("%.2f", took.Seconds())}
		if logged := r.record(end, Entry{Kind: Ended, Facts: facts}); logged != nil {
			r.emit(Event{Kind: EventNote, What: logged.Error()})
		}
	}
	if err := <-unlocked; err != nil {
		r.emit(Event{Kind: EventNote, What: "giving the lock back: " + err.Error()})
	}
	r.emit(Event{Kind: EventEnd, What: r.About.Command, Value: outcome, Seconds: took.Seconds()})
}

func (r *Runner) unlock(ctx context.Context) error {
	if !r.locked {
		return nil
	}
	return r.Lock.Release(ctx)
}

func (r *Runner) emit(e Event) {
	e.Time = time.Now()
	r.Listen.Event(e)
}

func (r *Runner) title() string {
	title := r.About.Command + " " + r.About.Version
	if r.About.Place != "" {
		title += " on " + r.About.Place
	}
	return title
}

// at is what a prompt about a phase is headed with: every prompt names the stack and the place it is on.
func (r *Runner) at(phase string) string {
	if r.About.Place == "" {
		return phase
	}
	return phase + " on " + r.About.Place
}

// sinceRollback drops what was taken back: an acceptance does not outlive it.
func (h History) sinceRollback() History {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i].Command == "rollback" && h[i].Kind == Done {
			return h[i+1:]
		}
	}
	return h
}

// reporter is the Report of one action.
type reporter struct {
	runner *Runner
	phase  string
	mu     sync.Mutex
	facts  map[string]string
}

// Write implements io.Writer.
func (p *reporter) Write(text []byte) (int, error) {
	p.emit(Event{Kind: EventOutput, What: string(text)})
	return len(text), nil
}

// Progress implements Report.
func (p *reporter) Progress(what string, done, total int64) {
	p.emit(Event{Kind: EventProgress, What: what, Done: done, Total: total})
}

// Fact implements Report.
func (p *reporter) Fact(name, value string) {
	p.emit(Event{Kind: EventFact, Name: name, Value: value})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.facts[name] = value
}

func (p *reporter) emit(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e.Phase = p.phase
	p.runner.emit(e)
}
