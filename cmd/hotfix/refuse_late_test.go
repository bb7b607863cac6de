package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// migrationMissing: a migration command that is not in the image fails the migration, and nothing else: the stack
// serves the patch, and with the command put right the same deploy completes. While it runs, another one is told so.
func migrationMissing(t *testing.T, w *sandbox.World, sha string) {
	before := digests(t, w)
	deploy := []string{"deploy", "--yes", "--confirm", w.Stack, "--skip", "verify", "--reason", "it is verified elsewhere"}
	var second result
	r := meanwhile(t, w, "build", func() { second = must(t, w, exitLocked, deploy...) },
		append(deploy, "--config", edited(t, w, "      run: [bin/migrate.sh]", "      run: [bin/nope.sh]"))...)
	if !strings.Contains(second.errs, "runs `hotfix deploy 16.03.1b` since") || !strings.Contains(second.errs, "hint: wait for it") {
		t.Errorf("the second of two deploys says\n%s", second.errs)
	}
	if r.code != exitFailed || !strings.Contains(r.errs, "migrate bin/nope.sh") || !strings.Contains(r.errs, "  hint: if the image has no bin/nope.sh, correct `migrate`") {
		t.Errorf("exit %d, want %d\n%s", r.code, exitFailed, r.errs)
	}
	serves(t, w, "Patched")
	if tag := tagged(t, w, "php"); tag != before["phpfiles"] {
		t.Errorf("the deployed tag moved to %s before the migration", tag)
	}
	must(t, w, exitDone, deploy...)
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})
}

// meanwhile runs the program, and does something else once it acts in a phase.
func meanwhile(t *testing.T, w *sandbox.World, phase string, do func(), args ...string) result {
	t.Helper()
	cmd := program(t.Context(), w, append(args, "--json")...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	events, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var e flow.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && !done && e.Phase == phase && e.Kind == flow.EventAction {
			done = true
			do()
		}
	}
	_ = cmd.Wait()
	if !done {
		t.Fatalf("%s was not reached:\n%s", phase, errs.String())
	}
	return result{errs: errs.String(), code: cmd.ProcessState.ExitCode()}
}

// notDescending: a hotfix that begins before another one that runs is refused, and says what would be lost.
func notDescending(t *testing.T, w *sandbox.World) {
	must(t, w, exitDone, "start", "16.03.1c", "--from", sandbox.Release)
	patch(t, w, "Patch something else", text(t, w, "Patched elsewhere"))
	before := look(t, w)
	r := must(t, w, exitUsage, "deploy", "--yes", "--confirm", w.Stack)
	for _, words := range []string{"does not descend from what runs", "without it you would lose", "Patch the page", "  hint: git merge"} {
		if !strings.Contains(r.errs, words) {
			t.Errorf("it does not say %q:\n%s", words, r.errs)
		}
	}
	same(t, "a refused deploy", before, look(t, w))
	serves(t, w, "Patched")
}
