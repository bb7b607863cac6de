package flow

import (
	"context"
	"time"
)

// A Log is what happened: one append-only list of entries a project, shared by everyone who patches it.
// Records, evidence, approvals and resume are views of it.
type Log interface {
	// Append returns once the entries are safe. Concurrent appends lose nothing.
	Append(ctx context.Context, entries ...Entry) error
	// Entries returns all of them, oldest first. A torn last line is no entry; any other unreadable line
	// is an error.
	Entries(ctx context.Context) ([]Entry, error)
}

// Kind says what an Entry records.
type Kind string

// The kinds of entries.
const (
	Started  Kind = "started"  // a run began; Facts say what it is about
	Begun    Kind = "begun"    // an action is about to change something
	Done     Kind = "done"     // it has; Facts are its findings
	Failed   Kind = "failed"   // it has not, or not all of it; Error says why
	Skipped  Kind = "skipped"  // a phase was left out; Error is empty, Facts["reason"] says why
	Accepted Kind = "accepted" // the user, or --yes, accepted Key at a gate
	Answered Kind = "answered" // the user answered a question: Facts["question"], Facts["answer"]
	Baseline Kind = "baseline" // what ran before this version's first change; Facts: one a service
	Ended    Kind = "ended"    // a run ended; Facts["outcome"] says how
)

// An Entry is one line of the log.
type Entry struct {
	Time    time.Time         `json:"time"`
	Run     string            `json:"run"`              // one execution of a command
	Command string            `json:"command"`          // deploy, rollback, finish
	Who     string            `json:"who"`              // user@host
	Version string            `json:"version"`          // the hotfix: 16.03.1b
	Stack   string            `json:"stack,omitempty"`  // its name in hotfix.yml
	Commit  string            `json:"commit,omitempty"` // the hotfix commit
	Kind    Kind              `json:"kind"`
	Phase   string            `json:"phase,omitempty"`
	Key     string            `json:"key,omitempty"`
	What    string            `json:"what,omitempty"`
	Facts   map[string]string `json:"facts,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// History is a read log, with the questions that phases ask of it.
type History []Entry

// Of keeps what concerns one version on one stack; an empty stack keeps every stack's.
func (h History) Of(version, stack string) History {
	return h.keep(func(e Entry) bool {
		return e.Version == version && (stack == "" || e.Stack == "" || e.Stack == stack)
	})
}

// Phase keeps the entries of one phase.
func (h History) Phase(name string) History {
	return h.keep(func(e Entry) bool { return e.Phase == name })
}

// Last returns the newest entry of one of the kinds, and whether there is one.
func (h History) Last(kinds ...Kind) (Entry, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		for _, k := range kinds {
			if h[i].Kind == k {
				return h[i], true
			}
		}
	}
	return Entry{}, false
}

// Accepted tells whether the gate's subject was accepted.
func (h History) Accepted(subject string) bool {
	return len(h.keep(func(e Entry) bool { return e.Kind == Accepted && e.Key == subject })) > 0
}

// Unsure returns the newest begin of an action with this key that has no end: nobody knows whether it happened.
func (h History) Unsure(key string) (Entry, bool) {
	last, ok := h.keep(func(e Entry) bool { return e.Key == key }).Last(Begun, Done, Failed)
	return last, ok && last.Kind == Begun
}

// Open tells whether what was begun has no end in its run: it is under way, or nobody saw how it ended.
func (h History) Open(begun Entry) bool {
	ends := h.keep(func(e Entry) bool {
		return (e.Kind == Done || e.Kind == Failed) && e.Run == begun.Run && e.Phase == begun.Phase && e.What == begun.What
	})
	return begun.Kind == Begun && len(ends) == 0
}

func (h History) keep(want func(Entry) bool) History {
	var kept History
	for _, e := range h {
		if want(e) {
			kept = append(kept, e)
		}
	}
	return kept
}
