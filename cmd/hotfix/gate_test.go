package main

import (
	"strings"
	"testing"

	"hotfix/internal/gitflow"
	"hotfix/internal/sandbox"
)

const up, down, enter = "\x1b[A", "\x1b[B", "\r"

// answer waits for a menu of this phase and picks a choice, however far it is from the default.
func (s *screen) answer(phase, choice string) {
	s.t.Helper()
	s.expect(phase + " on production")
	s.expect("> ") // the menu is drawn, its default marked
	s.pick(choice)
}

// pick picks a choice of the menu that is shown.
func (s *screen) pick(choice string) {
	s.t.Helper()
	for range 8 {
		shown := s.settled()
		marked := shown[strings.LastIndex(shown, "> ")+2:]
		if end := strings.IndexAny(marked, "\r\n\x1b"); end >= 0 {
			marked = marked[:end]
		}
		if marked == choice {
			break
		}
		s.press(up)
	}
	s.press(enter)
	s.expect(": " + choice) // every answer leaves a line
}

// settled is what the terminal shows once it shows nothing more.
func (s *screen) settled() string {
	s.drain()
	return s.seen.String()
}

// TestOnATerminal goes through the routine as a person does: run to the canary, stop at the gate, come back to it,
// look inside, go on, mistype the stack's name, and finish, while somebody else takes the lock away, its holder's name
// typed.
func TestOnATerminal(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)

	s := onTerminal(t, w, "deploy")
	s.answer("sync", "Run to canary")
	s.answer("redeploy", "Stop")
	if code := s.end(); code != exitStopped {
		t.Fatalf("stopped at the gate: exit %d\n%s", code, s.seen.String())
	}

	s = onTerminal(t, w, "deploy")
	s.answer("redeploy", "Stop") // a rerun does not walk through
	if code := s.end(); code != exitStopped {
		t.Fatalf("stopped at the gate again: exit %d\n%s", code, s.seen.String())
	}
	if runs := digests(t, w); runs["phpfiles"] == runs["phpha"] {
		t.Fatalf("phpha was redeployed without an answer: %v", runs)
	}

	s = onTerminal(t, w, "deploy")
	s.answer("redeploy", "Shell")
	s.expect("/app#")
	s.drain() // the shell has drawn its prompt for the size that it was given
	s.press("echo this is $(cat REVISION); exit 3\n")
	s.expect("this is " + sha)
	s.expect("exit status 3")
	s.answer("redeploy", "Continue")
	s.expect("nothing to stop")
	s.press("acme\r")
	s.expect(": acme")
	s.expect("nothing to stop")
	s.press(w.Stack + "\r")
	s.answer("replace", "Log")
	s.answer("replace", "Run")
	s.answer("purge", "Run")
	if code := s.end(); code != exitDone {
		t.Fatalf("exit %d\n%s", code, s.seen.String())
	}
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})

	s = onTerminal(t, w, "finish")
	s.expect("finish on origin")
	s.expect("> Stop")
	for _, c := range []struct {
		name string
		code int
	}{{"nobody@nowhere", exitStopped}, {gitflow.Who(), exitDone}} {
		other := onTerminal(t, w, "unlock")
		other.expect("to take the lock away")
		other.settled()
		other.press(c.name + "\r")
		if code := other.end(); code != c.code {
			t.Errorf("unlock, %s typed: exit %d, want %d\n%s", c.name, code, c.code, other.seen.String())
		}
	}
	s.press("\x03")
	if code := s.end(); code != exitInterrupted {
		t.Errorf("Ctrl-C at a prompt: exit %d", code)
	}
}
