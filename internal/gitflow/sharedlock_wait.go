package gitflow

import (
	"context"
	"fmt"
	"time"

	"hotfix/internal/flow"
)

// held is whoever is in the way, as one look found it.
type held struct {
	Holder
	id   string // to take it over from; empty: a run in this clone
	gone bool   // its run has ended for certain
}

// silent is how long it was not renewed, by its own clock and ours. A lock within a clone needs no renewal.
func (h *held) silent() time.Duration {
	if h.id == "" {
		return 0
	}
	return time.Since(h.Renewed)
}

// A watch looks at a lock again and again. Clocks differ: a lock is only over once it has not moved before our own
// eyes, for a beat where it looks dead already, else for the whole time.
type watch struct {
	id    string
	since time.Time
	said  bool
}

func (w *watch) isOver(h *held, expiry, beat time.Duration) bool {
	if h.id != w.id || w.since.IsZero() {
		w.id, w.since = h.id, time.Now()
	}
	still := time.Since(w.since)
	return h.id != "" && (still > expiry || h.silent() > expiry && still > beat+beat/4)
}

func (w *watch) say(what func()) {
	if !w.said {
		what()
	}
	w.said = true
}

// queue tries until the lock is ours, or the answer is to stop.
func (l *SharedLock) queue(ctx context.Context, try func(ctx context.Context, over *held) (*held, error)) error {
	var over *held // to be taken over
	var watched watch
	for {
		who, err := try(ctx, over)
		over = nil
		switch {
		case err != nil:
			return err
		case who == nil:
			return nil
		case who.gone || watched.isOver(who, l.Expiry, l.Beat):
			l.note("taking over from a run that is silent: %s", who)
			over = who
			continue
		case who.silent() > l.Expiry:
			watched.say(func() {
				l.note("%s, but was not heard of for %s: waiting to be sure", who, who.silent().Round(time.Second))
			})
		case l.Wait:
			watched.say(func() { l.note("waiting: %s", who) })
		case l.Ask == nil:
			return flow.Hint(who.locked(), "the same command with --wait waits for it")
		default:
			if over, err = l.ask(ctx, who); err != nil {
				return err
			}
			continue
		}
		if err := pause(ctx, min(l.Beat, 2*time.Second)/2); err != nil {
			return err
		}
	}
}

func (l *SharedLock) ask(ctx context.Context, who *held) (over *held, err error) {
	switch answer, err := l.Ask(ctx, who.String()); {
	case err != nil:
		return nil, err
	case answer == TakeOver:
		return who, nil
	case answer == WaitForIt:
		l.Wait = true
		return nil, nil
	}
	return nil, who.locked()
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (l *SharedLock) note(format string, args ...any) {
	if l.Note != nil {
		l.Note(fmt.Sprintf(format, args...))
	}
}
