package flow

import "time"

// What an Event tells.
const (
	EventRun      = "run"      // a run begins: What is its title
	EventPhase    = "phase"    // a phase's turn has come
	EventPlan     = "plan"     // its plan: Actions; none means nothing to do, What says why
	EventAction   = "action"   // an action begins
	EventOutput   = "output"   // text of what runs, redacted: What
	EventProgress = "progress" // What, Done of Total
	EventFact     = "fact"     // Name, Value
	EventDone     = "done"     // an action, or with no What a phase, is done: Seconds
	EventFailed   = "failed"   // it failed: Error, Hints
	EventSkipped  = "skipped"  // a phase was left out: What is the reason
	EventCheck    = "check"    // a check ended: What, Value or Error and Hints
	EventAnswer   = "answer"   // a question was answered: What, Value
	EventNote     = "note"     // something the user should know: What
	EventEnd      = "end"      // the run is over: Value is the outcome, Seconds
)

// An Event is something that happened in a run, as it is shown, and as --json prints it.
type Event struct {
	Time    time.Time `json:"time"`
	Kind    string    `json:"event"`
	Phase   string    `json:"phase,omitempty"`
	What    string    `json:"what,omitempty"`
	Actions []Action  `json:"-"`
	Plan    []string  `json:"actions,omitempty"`
	Done    int64     `json:"done,omitempty"`
	Total   int64     `json:"total,omitempty"`
	Name    string    `json:"name,omitempty"`
	Value   string    `json:"value,omitempty"`
	Error   string    `json:"error,omitempty"`
	Hints   []string  `json:"hints,omitempty"`
	Seconds float64   `json:"seconds,omitempty"`
}

// A Listener is told everything that happens in a run, in order, from one goroutine at a time.
type Listener interface {
	Event(Event)
}
