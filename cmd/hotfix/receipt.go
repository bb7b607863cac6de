package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// receipt says at the end what has happened, what was left out, and what to type to take it back. It is made of
// the log; a run that changed nothing has none.
func (d *deployment) receipt(ctx context.Context, about flow.About, record *transcript, listen flow.Listener, failure error) {
	entries, err := d.log.Entries(context.WithoutCancel(ctx))
	if err != nil {
		return
	}
	var run flow.History
	for _, e := range entries {
		if e.Run == about.Run {
			run = append(run, e)
		}
	}
	if len(run) == 0 {
		return
	}
	note := func(format string, args ...any) {
		listen.Event(flow.Event{Kind: flow.EventNote, What: fmt.Sprintf(format, args...)})
	}
	note("")
	note("%s %s, commit %s, on %s: %s", about.Command, about.Version, short(about.Commit), about.Place, flow.Outcome(failure))
	for _, e := range run {
		switch e.Kind {
		case flow.Done:
			note("  %-10s %6s s  %s", e.Phase, e.Facts["seconds"], strings.Join(shown(e.Facts), ", "))
		case flow.Failed:
			note("  %-10s failed after %s s: %s", e.Phase, e.Facts["seconds"], strings.Join(append([]string{e.What}, shown(e.Facts)...), ", "))
		case flow.Skipped:
			note("  %-10s skipped: %s", e.Phase, e.Facts["reason"])
		}
	}
	if record.file != nil {
		note("what it printed: %s", record.path)
	}
	if failure == nil {
		note("to take it back: hotfix rollback %s", about.Version)
		note("next: hotfix finish %s", about.Version)
	}
	d.notUndone(listen)
}

// notUndone names the migrations that a rollback leaves applied.
func (d *deployment) notUndone(listen flow.Listener) {
	entries, err := d.log.Entries(context.Background())
	if err != nil {
		return
	}
	told := map[string]bool{}
	migrations := flow.History(entries).Of(d.hotfix.Version, d.key).Phase("migrate")
	for _, e := range migrations {
		about, is := strings.CutPrefix(e.Key, "migrate:")
		if e.Kind != flow.Done || !is || told[e.What] {
			continue
		}
		told[e.What] = true
		what := "a rollback does not undo: " + e.What
		for _, b := range migrations {
			if b.Kind == flow.Done && b.Key == "backup:"+about {
				what += backupOf(b)
			}
		}
		listen.Event(flow.Event{Kind: flow.EventNote, What: what})
	}
}

// backupOf says where a backup is, where its command did.
func backupOf(e flow.Entry) string {
	for name, value := range e.Facts {
		if strings.HasPrefix(name, cloud.FactBackup) {
			return "; the backup from before it: " + value
		}
	}
	return ""
}

// shown are the facts that fit a line: digests shortened.
func shown(facts map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(facts)) {
		value := facts[name]
		if name == "seconds" || name == "content" {
			continue
		}
		if i := strings.Index(value, "sha256:"); i >= 0 && len(value) >= i+19 {
			value = value[i : i+19]
		}
		all = append(all, name+" "+value)
	}
	return all
}
