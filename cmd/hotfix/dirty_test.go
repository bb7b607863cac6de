package main

import (
	"maps"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// TestWhatNoCommitExplains: the release was built by hand, from a directory with edits that nobody committed. They are
// listed before they go; --yes does not agree to that, nor does Run to canary, nor Enter. The way back is to them, also
// while the git server is down.
func TestWhatNoCommitExplains(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	edited := strings.Replace(read(t, w, "public/index.php"), "<title>Acme", "<title>Acme, edited on the server", 1)
	if err := w.Dirty(t.Context(), map[string]string{"src/debug.php": "<?php\n", "public/index.php": edited}); err != nil {
		t.Fatal(err)
	}
	before := digests(t, w)
	must(t, w, exitDone, "start", "16.03.1b")
	patch(t, w, "Patch the page", text(t, w, "Patched"))

	const asks = "the patch undoes what no commit explains in 2 files"
	shown := []string{asks, "D src/debug.php", "M public/index.php"}
	r := must(t, w, exitStopped, "deploy", "--yes", "--confirm", w.Stack)
	if !contain(r.errs, shown...) || !strings.Contains(r.errs, "hint: look at it in a terminal: hotfix deploy 16.03.1b") {
		t.Errorf("--yes is told\n%s", r.errs)
	}
	for range 2 { // stopped, it asks again
		s := onTerminal(t, w, "deploy")
		s.expect(asks)
		s.expect("build on production")
		s.expect("> Stop")
		s.press(enter)
		if code := s.end(); code != exitStopped || !contain(s.seen.String(), shown...) {
			t.Fatalf("Enter: exit %d\n%s", code, s.seen.String())
		}
	}
	s := onTerminal(t, w, "deploy")
	s.answer("build", "Run")
	s.answer("push", "Run")
	s.answer("canary", "Run")
	s.answer("redeploy", "Stop")
	if code := s.end(); code != exitStopped || maps.Equal(before, digests(t, w)) {
		t.Fatalf("after Run: exit %d\n%s", code, s.seen.String())
	}

	renamed(t, w.Remote)
	r = must(t, w, exitFailed, "rollback", "--yes")
	if !contain(r.errs, "nobody would see that this run is under way", "run it in a terminal") {
		t.Errorf("--yes, and nobody can be kept away:\n%s", r.errs)
	}
	if told := must(t, w, exitFailed, "status"); !contain(told.errs, "phpfiles runs ", "asking remote origin") { // what is left is not known
		t.Errorf("the status without the git server:\n%s", told.errs)
	}
	must(t, w, exitDone, "logs", "phpfiles")
	s = onTerminal(t, w, "rollback", "16.03.1b")
	s.expect("the lock holds in this clone only; tell the others")
	s.answer("restore", "Run")
	s.answer("purge", "Run")
	if code := s.end(); code != exitDone {
		t.Fatalf("rollback without the git server: exit %d\n%s", code, s.seen.String())
	}
	if after := digests(t, w); !maps.Equal(before, after) {
		t.Errorf("it runs %v, and ran %v", after, before)
	}
}

func contain(text string, all ...string) bool {
	for _, one := range all {
		if !strings.Contains(text, one) {
			return false
		}
	}
	return true
}
