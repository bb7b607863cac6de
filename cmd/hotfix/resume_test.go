package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// cut is where a run is cut off: so long after the first event of this kind in this phase.
type cut struct {
	phase, kind string
	after       time.Duration
}

// everywhere cuts each phase once, in the midst of what it changes.
var everywhere = []cut{
	{"sync", flow.EventAction, 50 * time.Millisecond},
	{"verify", flow.EventAction, 3 * time.Second},
	{"build", flow.EventAction, 50 * time.Millisecond},
	{"push", flow.EventAction, 50 * time.Millisecond},
	{"canary", flow.EventOutput, 1500 * time.Millisecond},
	{"redeploy", flow.EventOutput, 1500 * time.Millisecond},
	{"migrate", flow.EventOutput, 0},
	{"replace", flow.EventAction, 0},
	{"purge", flow.EventAction, 0},
}

// cutOff runs the program until then, sends it a signal, and returns what it printed and its exit code; reached is
// false where it ended before.
func cutOff(t *testing.T, w *sandbox.World, at cut, signal syscall.Signal, args ...string) (r result, reached bool) {
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
	for lines := bufio.NewScanner(events); lines.Scan(); {
		var e flow.Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && !reached && e.Phase == at.phase && e.Kind == at.kind {
			reached = true
			time.AfterFunc(at.after, func() { _ = cmd.Process.Signal(signal) })
		}
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{errs: errs.String(), code: cmd.ProcessState.ExitCode()}, reached
}

// serves wants the stack to answer, and with one of these texts.
func serves(t *testing.T, w *sandbox.World, texts ...string) {
	t.Helper()
	var status sandbox.Status
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if status, err = w.Status(t.Context()); err == nil {
			for _, want := range texts {
				if status.Text == want {
					return
				}
			}
		}
	}
	t.Fatalf("the stack says %+v (%v), want one of %q", status, err, texts)
}

// patched wants everything to be as after one undisturbed run.
func patched(t *testing.T, w *sandbox.World, want sandbox.Status) {
	t.Helper()
	serves(t, w, want.Text)
	if got, err := w.Status(t.Context()); err != nil || got != want {
		t.Errorf("the stack serves %+v, want %+v (%v)", got, want, err)
	}
	again := must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack)
	if strings.Contains(again.errs, "will:") {
		t.Errorf("a further deploy has something to do:\n%s", again.errs)
	}
	applied, err := w.Exec(t.Context(), "phpfiles", nil, "bin/migrate.sh", "--status")
	if err != nil || strings.TrimSpace(applied) != "" {
		t.Errorf("still pending: %q (%v)", applied, err)
	}
}

// TestCutOffAnywhere: killed, or interrupted, in the midst of every phase in turn, the same command completes.
func TestCutOffAnywhere(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	deploy := []string{"deploy", "--yes", "--confirm", w.Stack}
	texts := []string{"Welcome to Acme"}
	for _, round := range []struct {
		name   string
		signal syscall.Signal
		code   int
		schema string
	}{{"killed", syscall.SIGKILL, -1, "003_killed"}, {"interrupted", syscall.SIGINT, exitInterrupted, "004_interrupted"}} {
		t.Run(round.name, func(t *testing.T) {
			files := text(t, w, round.name)
			files["dna/db/migrations/"+round.schema+".sql"] = "CREATE TABLE " + round.name + " (id INT);\n"
			sha := patch(t, w, "Patch the page: "+round.name, files)
			texts = append(texts, round.name)
			for _, at := range everywhere {
				r, reached := cutOff(t, w, at, round.signal, deploy...)
				if !reached {
					t.Fatalf("%s was not reached: exit %d\n%s", at.phase, r.code, r.errs)
				}
				if r.code != round.code && r.code != exitDone {
					t.Fatalf("%s in %s: exit %d\n%s", round.name, at.phase, r.code, r.errs)
				}
				t.Logf("%s in %s: exit %d", round.name, at.phase, r.code)
				if at.phase != "canary" && at.phase != "redeploy" || round.signal == syscall.SIGINT { // one container may be between old and new
					serves(t, w, texts...)
				}
			}
			must(t, w, exitDone, deploy...)
			patched(t, w, sandbox.Status{Text: round.name, Commit: sha, Schema: round.schema, Data: "example"})
		})
	}
}
