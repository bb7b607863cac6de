//go:build long

package main

import (
	"strings"
	"syscall"
	"testing"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// A laptop dies in the midst of a redeploy. A colleague is told by whom the project is locked and what ran, waits for
// the silence to be long enough, takes over and completes.
func TestALaptopDiesInARedeploy(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)
	dead, reached := cutOff(t, w, cut{"redeploy", flow.EventAction, 0}, syscall.SIGKILL, "deploy", "--yes", "--confirm", w.Stack)
	if !reached || dead.code != -1 {
		t.Fatalf("not killed in redeploy: exit %d\n%s", dead.code, dead)
	}

	there := colleague(t, w)
	deploy := []string{"deploy", "16.03.1b", "--yes", "--confirm", w.Stack}
	told := must(t, there, exitLocked, deploy...)
	for _, want := range []string{"locked: ", "hotfix deploy 16.03.1b", "at redeploy", "--wait"} {
		if !strings.Contains(told.errs, want) {
			t.Errorf("a colleague is not told %q:\n%s", want, told)
		}
	}
	if told := must(t, there, exitDone, "history"); !strings.Contains(told.out, "canary: ") { // begun at least: its end may not have got away
		t.Errorf("a colleague does not see what ran:\n%s", told)
	}
	if told := must(t, there, exitDone, "status", "16.03.1b"); !strings.Contains(told.errs, "redeploy will:") ||
		strings.Contains(told.errs, "canary will:") {
		t.Errorf("a colleague does not see what is left:\n%s", told)
	}
	told = must(t, there, exitDone, append(deploy, "--wait")...)
	if !strings.Contains(told.errs, "taking over from a run that is silent: ") || strings.Contains(told.errs, "sync will:") {
		t.Errorf("the colleague did not take over:\n%s", told)
	}
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})
}
