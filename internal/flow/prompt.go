package flow

import "context"

// A Prompter asks the person at the terminal. A nil Prompter means that there is nobody to ask.
type Prompter interface {
	// Choose returns one of the question's choices. It never answers by itself: on end of input or a signal
	// it returns an error.
	Choose(ctx context.Context, q Question) (string, error)
	// Type returns what the user typed, unchecked.
	Type(ctx context.Context, title string) (string, error)
}

// A Question has named choices; Default is the one that Enter picks.
type Question struct {
	Title   string
	Lines   []string // shown above the choices
	Choices []string
	Default string
}

// A Lock makes one runner a project.
type Lock interface {
	// Acquire takes the lock or returns an ErrLocked that says who holds it, where and since when.
	Acquire(ctx context.Context) error
	// Held returns an error once the lock is no longer ours. It is asked before every action.
	Held(ctx context.Context) error
	// Release gives it back.
	Release(ctx context.Context) error
}
