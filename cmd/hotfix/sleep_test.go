//go:build long

package main

import (
	"strings"
	"syscall"
	"testing"

	"hotfix/internal/sandbox"
)

// A laptop sleeps at the gate for longer than its lock lasts, and a colleague stands there, too, when it wakes up: it
// is told so, and neither goes on nor accepts the canary for the other.
func TestALaptopSleepsAtTheGate(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	patch(t, w, "Patch the page", text(t, w, "Patched"))
	asleep := onTerminal(t, w, "deploy", "--skip", "verify", "--reason", "it is about the gate")
	asleep.answer("sync", "Run to canary")
	asleep.expect("push will:")
	asleep.expect("canary will:")
	asleep.expect("redeploy on production")
	asleep.expect("> ")
	asleep.drain()
	before := digests(t, w)
	if err := asleep.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}

	awake := onTerminal(t, colleague(t, w), "deploy", "16.03.1b", "--wait")
	awake.expect("taking over from a run that is silent: ")
	awake.expect("redeploy on production")
	awake.expect("> ")
	if err := asleep.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	asleep.pick("Continue")
	if code := asleep.end(); code != exitLocked || !strings.Contains(asleep.seen.String(), "this run has lost its lock: now ") {
		t.Errorf("it woke up: exit %d\n%s", code, asleep.seen.String())
	}
	if now := digests(t, w); now["phpha"] != before["phpha"] {
		t.Errorf("it went on: %v was %v", now, before)
	}
	awake.pick("Stop")
	if code := awake.end(); code != exitStopped {
		t.Errorf("the colleague: exit %d\n%s", code, awake.seen.String())
	}
	again := onTerminal(t, w, "deploy")
	again.answer("redeploy", "Stop") // nobody has accepted it
	if code := again.end(); code != exitStopped {
		t.Errorf("the gate: exit %d\n%s", code, again.seen.String())
	}
}
