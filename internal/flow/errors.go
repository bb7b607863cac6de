package flow

import (
	"context"
	"errors"
)

// What ended a run, for the exit code. Errors are wrapped in one of these where it matters.
var (
	// ErrUsage: the command line or a file is wrong, or there is a question and nobody to ask. Exit 2.
	ErrUsage = errors.New("usage")
	// ErrStopped: the user stopped; the same command resumes. Exit 3.
	ErrStopped = errors.New("stopped")
	// ErrLocked: someone else is running hotfix on this project. Exit 4.
	ErrLocked = errors.New("locked")
	// ErrRolledBack: it failed and was taken back; what ran before serves. Exit 5.
	ErrRolledBack = errors.New("rolled back")
)

// hinted is an error with a remedy, and perhaps a class.
type hinted struct {
	error
	hint  string
	class error
}

func (h hinted) Unwrap() []error {
	if h.class == nil {
		return []error{h.error}
	}
	return []error{h.error, h.class}
}

// Hint adds to err what the user can type or do about it, in one line without a full stop. It returns nil for
// a nil err.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{error: err, hint: hint}
}

// Refuse is Hint for what the user got wrong: it also marks err as ErrUsage, without changing its text.
func Refuse(err error, hint string) error {
	if err == nil {
		return nil
	}
	return hinted{error: err, hint: hint, class: ErrUsage}
}

// As marks err as one of the classes above, without changing its text.
func As(class, err error) error {
	if err == nil {
		return nil
	}
	return hinted{error: err, class: class}
}

// Hints returns the remedies in err, outermost first.
func Hints(err error) []string {
	var hints []string
	walk(err, func(e error) {
		if h, ok := e.(hinted); ok && h.hint != "" {
			hints = append(hints, h.hint)
		}
	})
	return hints
}

func walk(err error, visit func(error)) {
	if err == nil {
		return
	}
	visit(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		walk(e.Unwrap(), visit)
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			walk(inner, visit)
		}
	}
}

// Outcome names how a run ended, for the log and for people.
func Outcome(err error) string {
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, ErrRolledBack):
		return "rolled back"
	case errors.Is(err, ErrStopped):
		return "stopped"
	case errors.Is(err, ErrLocked):
		return "locked"
	case errors.Is(err, context.Canceled):
		return "interrupted"
	}
	return "failed"
}

// NobodyToAsk is the usage error of a run that would have to ask, where there is no terminal.
func NobodyToAsk() error {
	return Refuse(errors.New("there are questions to ask and no terminal to ask them on"),
		"run it in a terminal, or add --yes, or --dry-run to see the plan")
}
