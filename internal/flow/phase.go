// Package flow runs a routine: phases that plan by looking at the world, and one runner that confirms,
// dry-runs, resumes and takes back. It knows nothing of git, images or stacks, and imports the standard
// library only.
package flow

import (
	"context"
	"errors"
)

// A Phase looks at the world and says what is still to be done.
//
// The law, tested for every phase: Plan leaves the world unchanged; Plan, Do, Plan again is empty; Do killed
// after any outside call, then the same command, converges. A plan made before an earlier phase has run
// accepts "not there yet" and still says what it would do.
type Phase interface {
	// Name is the phase's name on the command line and in the log, as in --skip NAME.
	Name() string
	// Plan changes nothing. No action means already done; Nothing says why.
	Plan(ctx context.Context) ([]Action, error)
}

// An Action is one change, described before it is made.
type Action struct {
	// What says the change in one line: "push registry.example.com/acme/php:git-commit-9c1e04b (82 kB)".
	What string
	// Details are further lines, shown when the user asks for them.
	Details []string
	// Key is its identity in the log, for what must not happen twice and the world alone can't tell: begun
	// without an end under this key, it is unsure, and the user is asked. Empty for what may be repeated.
	Key string
	// Seen: the world does tell, this time: it runs, or it has failed. Then the log is not asked about Key.
	Seen bool
	// Asks is why a person must agree to it, Details seen: --yes does not answer. Empty: like any other.
	Asks string
	// Uncalled is why nothing in the patch calls for it: where that is so of an optional phase's whole plan, the plan
	// says it, and Skip is the default. --yes does it all the same.
	Uncalled string
	// Do makes the change. It is the only road to a side effect.
	Do func(ctx context.Context, report Report) error
	// Left looks, after Do was interrupted, at what goes on without us: nil where nothing does. A nil function:
	// nothing ever does.
	Left func(ctx context.Context) (*Left, error)
}

// Traits are what the runner must know of a phase beyond its plan.
type Traits struct {
	// Remote: it changes the registry or the stack, not this machine; the default answer is Stop.
	Remote bool
	// TakeBack: when it fails, the runner rolls back by itself.
	TakeBack bool
	// Optional: the user may leave it out, with a reason on the record.
	Optional bool
	// Always: its checks are run whatever its plan is, once anything is to be done at all.
	Always bool
	// Confirm is a name that must be typed, or given as --confirm, before it runs. Empty: none.
	Confirm string
}

// Marked is a phase with traits other than none.
type Marked interface{ Traits() Traits }

// traits of any phase: those it is marked with, or none.
func traits(p Phase) Traits {
	if m, ok := p.(Marked); ok {
		return m.Traits()
	}
	return Traits{}
}

// Gated is a phase that begins with a question of its own, asked until it was accepted for one subject.
type Gated interface {
	// Gate returns nil where there is nothing to look at, or not yet.
	Gate(ctx context.Context) (*Gate, error)
}

// A Gate shows something that runs, and asks whether to go on.
type Gate struct {
	// Subject is what is accepted: the digest that the canary runs. Once "accepted" is in the log for it,
	// the gate is not asked again.
	Subject string
	// Summary stands above the question: how healthy it is and what it logged.
	Summary []string
	// Ready returns nil once --yes may accept it: healthy for the monitor time, its checks passed.
	Ready func(ctx context.Context, report Report) error
	// Looks are what the user may do before the answer: a shell, the logs.
	Looks []Look
}

// A Look is a choice that changes nothing in the routine and asks again afterwards.
type Look struct {
	Name string // "Shell"
	Do   func(ctx context.Context) error
}

// Checked is a phase that can prove beforehand that it will be able to do its work: permissions, secrets,
// tools. The runner does so before the first change; doctor does it on request.
type Checked interface {
	Checks() []Check
}

// A Check proves one thing that a phase depends on, writes included, and leaves nothing behind.
type Check struct {
	// What is checked: "push permission on registry.example.com/acme/php".
	What string
	// Do returns a short finding ("as user deploy"), or an error whose hint is the remedy.
	Do func(ctx context.Context) (string, error)
}

// nothing is the reason why a plan is empty.
type nothing struct{ why string }

func (n nothing) Error() string { return n.why }

// Nothing is what a Plan returns as its error when it has nothing to do and can say why: "no `verify` in
// hotfix.yml". The runner shows the reason; it is not a failure.
func Nothing(why string) error { return nothing{why} }

// NothingToDo tells whether err is the reason of an empty plan, and returns it.
func NothingToDo(err error) (why string, ok bool) {
	var n nothing
	if errors.As(err, &n) {
		return n.why, true
	}
	return "", false
}
