package main

import (
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// TestSkipIsOffered: where no file of the patch enters an image, the plan says so and Enter leaves the verification
// out, with that reason on the record; --yes verifies all the same.
func TestSkipIsOffered(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	patch(t, w, "Explain the stack", map[string]string{"stack.yml": read(t, w, "stack.yml") + "\n# Patched by hotfix.\n"})
	// What is prepared differs from commit to commit, and enters the image.
	unprepared := []string{"--config", edited(t, w, "  prepare:\n    - { run: [bin/revision.sh] }\n", "")}
	const why = "no file that it changes enters an image"

	s := onTerminal(t, w, append(unprepared, "deploy")...)
	s.answer("sync", "Run")
	s.expect("nothing in the patch calls for it: " + why)
	s.expect("verify on production")
	s.expect("> Skip")
	s.settled()
	s.press(enter)
	s.expect(": Skip")
	s.answer("build", "Stop")
	if code := s.end(); code != exitStopped {
		t.Fatalf("exit %d\n%s", code, s.seen.String())
	}
	told := must(t, w, exitDone, "history")
	if !strings.Contains(told.String(), "left out by ") || !strings.Contains(told.String(), why) {
		t.Errorf("the reason is not on the record:\n%s", told)
	}

	all := must(t, w, exitDone, append(unprepared, "deploy", "--yes", "--only", "verify")...)
	if !strings.Contains(all.errs, why) || !strings.Contains(all.errs, "✓ verify") {
		t.Errorf("--yes did not verify:\n%s", all.errs)
	}
}
