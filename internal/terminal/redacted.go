package terminal

import (
	"context"
	"maps"

	"hotfix/internal/flow"
)

// Listener returns a listener that passes everything on without the secrets. Output is redacted across its
// chunks: what is held back comes out before the next other event.
func (r *Redactor) Listener(next flow.Listener) flow.Listener {
	return &redactedListener{redactor: r, next: next, output: stream{redactor: r}}
}

type redactedListener struct {
	redactor *Redactor
	next     flow.Listener
	output   stream
	phase    string
}

// Event implements flow.Listener.
func (l *redactedListener) Event(e flow.Event) {
	if e.Kind == flow.EventOutput {
		l.phase = e.Phase
		if e.What = l.output.next(e.What); e.What != "" {
			l.next.Event(e)
		}
		return
	}
	if e.Kind != flow.EventProgress && l.output.held != "" {
		l.next.Event(flow.Event{Time: e.Time, Kind: flow.EventOutput, Phase: l.phase, What: l.output.rest()})
	}
	hide := l.redactor.Text
	e.What, e.Value, e.Error = hide(e.What), hide(e.Value), hide(e.Error)
	e.Hints, e.Plan = each(e.Hints, hide), each(e.Plan, hide)
	l.next.Event(e)
}

// Log returns a log that keeps no secrets.
func (r *Redactor) Log(log flow.Log) flow.Log { return redactedLog{log, r} }

type redactedLog struct {
	flow.Log
	redactor *Redactor
}

// Append implements flow.Log.
func (l redactedLog) Append(ctx context.Context, entries ...flow.Entry) error {
	for i, e := range entries {
		e.What, e.Error, e.Facts = l.redactor.Text(e.What), l.redactor.Text(e.Error), maps.Clone(e.Facts)
		for name, value := range e.Facts {
			e.Facts[name] = l.redactor.Text(value)
		}
		entries[i] = e
	}
	return l.Log.Append(ctx, entries...)
}

func each(texts []string, do func(string) string) []string {
	var all []string
	for _, text := range texts {
		all = append(all, do(text))
	}
	return all
}
