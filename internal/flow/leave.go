package flow

import (
	"context"
	"errors"
)

// What the user may choose for a change that goes on without us, beside Roll back.
const (
	LeaveRunning = "Leave running"
	Pause        = "Pause"
)

// Left is a change that goes on although its action was interrupted.
type Left struct {
	// What goes on, and how it ends by itself, in one line.
	What string
	// Pause stops it where it is, so that the same command takes it up. nil: it can't be stopped half-way.
	Pause func(ctx context.Context) error
}

// leave asks what becomes of a change that was interrupted and goes on without us. Where nobody can be asked, or
// the answer is one more Ctrl-C, it goes on, and that is said.
func (r *Runner) leave(ctx context.Context, p Phase, a Action, cause error) error {
	if a.Left == nil || !interrupted(ctx, cause) {
		return cause
	}
	fresh := context.WithoutCancel(ctx)
	look, cancel := Cleanup(fresh)
	left, err := a.Left(look)
	cancel()
	if err != nil {
		return errors.Join(cause, err)
	}
	if left == nil {
		return cause
	}
	r.emit(Event{Kind: EventNote, Phase: p.Name(), What: left.What})
	answer := LeaveRunning
	if r.Prompt != nil {
		if answer, err = r.choose(fresh, r.leaving(p, left), nil); err != nil {
			answer = LeaveRunning
		}
	}
	switch answer {
	case RollBack:
		return r.takeBack(fresh, nil)
	case Pause:
		return r.pause(fresh, p, left, cause)
	}
	r.emit(Event{Kind: EventNote, Phase: p.Name(), What: "it was left running: " + r.About.Again + " takes it up"})
	return cause
}

func (r *Runner) leaving(p Phase, left *Left) Question {
	q := Question{Title: "interrupted: " + r.at(p.Name()), Choices: []string{LeaveRunning}, Default: LeaveRunning}
	if left.Pause != nil {
		q.Choices = append(q.Choices, Pause)
	}
	if len(r.Back) > 0 {
		q.Choices = append(q.Choices, RollBack)
	}
	return q
}

func (r *Runner) pause(ctx context.Context, p Phase, left *Left, cause error) error {
	if err := left.Pause(ctx); err != nil {
		return Hint(errors.Join(cause, err), "take it up: "+r.About.Again)
	}
	r.emit(Event{Kind: EventNote, Phase: p.Name(), What: "it is paused: " + r.About.Again + " takes it up"})
	return cause
}
