package main

import (
	"context"

	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

// lock is the project's lock, for one run. With --yes there is nobody who could tell the others where the remote
// takes no lock, and nobody to ask about one that is held.
func (p *project) lock(f runFlags, about flow.About, listen flow.Listener) *gitflow.SharedLock {
	lock := p.repo.SharedLock(p.settings.Remote, "hotfix "+about.Command+" "+about.Version)
	lock.Wait, lock.Alone, lock.Urgent, lock.Log = f.wait, !f.yes, f.urgent, p.shared
	lock.Note = func(text string) { listen.Event(flow.Event{Kind: flow.EventNote, What: text}) }
	if prompt := p.app.ask(); prompt != nil && !f.yes {
		lock.Ask = func(ctx context.Context, holder string) (gitflow.Answer, error) {
			return askLocked(ctx, prompt, p.settings.Remote, holder)
		}
	}
	return lock
}

// askLocked asks what to do about a lock that someone holds.
func askLocked(ctx context.Context, prompt flow.Prompter, place, holder string) (gitflow.Answer, error) {
	const takeOver, wait = "Take over", "Wait"
	answer, err := prompt.Choose(ctx, flow.Question{Title: "The project on " + place + " is locked",
		Lines: []string{holder}, Choices: []string{takeOver, wait, flow.Stop}, Default: flow.Stop})
	switch {
	case err != nil:
		return gitflow.Stop, err
	case answer == takeOver:
		return gitflow.TakeOver, nil
	case answer == wait:
		return gitflow.WaitForIt, nil
	}
	return gitflow.Stop, nil
}

// phaseOf lets the lock say which phase its run is at.
type phaseOf struct{ lock *gitflow.SharedLock }

// Event implements flow.Listener.
func (p phaseOf) Event(e flow.Event) {
	if e.Kind == flow.EventPhase {
		p.lock.Phase(e.Phase)
	}
}
