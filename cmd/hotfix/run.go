package main

import (
	"context"

	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
	"hotfix/internal/terminal"
)

// runFlags are the flags of every command that runs a routine: one set of names.
type runFlags struct {
	yes, dryRun, json bool
	wait, again       bool // for whoever holds the lock; what was rolled back
	confirm, only     string
	skip              []string
	reason            string // of what is skipped
	why               string // of the run
	urgent            bool   // no flag: the way back waits for nothing that it can do without
}

func (f runFlags) options() flow.Options {
	skip := map[string]string{}
	for _, phase := range f.skip {
		skip[phase] = f.reason
	}
	return flow.Options{Yes: f.yes, DryRun: f.dryRun, Confirm: f.confirm, Only: f.only, Skip: skip, Again: f.again, Reason: f.why}
}

// runner is a runner of this project, for a command about one version.
func (p *project) runner(f runFlags, about flow.About, phases []flow.Phase) (*flow.Runner, *transcript, error) {
	about.Run, about.Who = runID(), gitflow.Who()
	record := &transcript{path: p.transcriptPath(about.Run)}
	listen := p.app.listener(f.json, record)
	lock := p.lock(f, about, listen)
	lock.Phase(phases[0].Name())
	r := &flow.Runner{About: about, Phases: phases, Log: p.log, Lock: lock, Prompt: p.app.ask(),
		Listen: terminal.Both{First: listen, Second: phaseOf{lock}}, Options: f.options(), Urgent: f.urgent}
	p.shared.Note = func(text string) { listen.Event(flow.Event{Kind: flow.EventNote, What: text}) }
	r.Looks = []flow.Look{{Name: "Log", Do: func(context.Context) error { return record.tail(p.app.err, 60) }}}
	return r, record, nil
}

// nobody refuses at once what would have to ask with nobody there.
func (a *app) nobody(f runFlags) error {
	if a.ask() != nil || f.yes || f.dryRun {
		return nil
	}
	return flow.NobodyToAsk()
}
