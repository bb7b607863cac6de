package flow

import (
	"errors"
	"strings"
	"testing"
)

// A commit that was rolled back is remembered, with the reason; deploying it again asks, --yes does not answer, and
// another commit is not asked about.
func TestWhatWasRolledBackIsAskedAbout(t *testing.T) {
	s := newScene()
	deploy := func(commit string, change func(*Runner)) error {
		r := s.runner(s.step("canary", remote), s.step("redeploy", remote))
		r.About.Commit, r.About.Run, r.Yes = commit, "run "+commit, true
		change(r)
		return r.Run(t.Context())
	}
	failing := func(r *Runner) { r.Phases[1].(*step).fail = errors.New("web is unhealthy") }
	if err := deploy("aaaaaaaa", failing); !errors.Is(err, ErrRolledBack) {
		t.Fatal(err)
	}
	s.person.answers = nil
	err := deploy("aaaaaaaa", func(*Runner) {})
	if !errors.Is(err, ErrStopped) || !strings.Contains(err.Error(), "aaaaaaa was rolled back by me@host") ||
		!strings.Contains(err.Error(), "web is unhealthy") || s.world["canary"] {
		t.Fatalf("--yes: %v, %v", err, s.world)
	}
	if hints := Hints(err); len(hints) == 0 || !strings.Contains(hints[0], "hotfix deploy --again") {
		t.Errorf("hints %q", hints)
	}
	if err := deploy("bbbbbbbb", func(*Runner) {}); err != nil || !s.world["redeploy"] {
		t.Fatalf("another commit: %v", err)
	}
	clear(s.world)
	s.person.answers = []string{Stop}
	if err := deploy("aaaaaaaa", func(r *Runner) { r.Yes = false }); !errors.Is(err, ErrStopped) || len(s.world) > 0 {
		t.Fatalf("answered Stop: %v, %v", err, s.world)
	}
	if err := deploy("aaaaaaaa", func(r *Runner) { r.Options.Again = true }); err != nil || !s.world["redeploy"] {
		t.Fatalf("--again: %v, %v", err, s.world)
	}
	clear(s.world)
	if err := deploy("aaaaaaaa", func(*Runner) {}); err != nil || !s.world["redeploy"] {
		t.Fatalf("asked twice: %v", err)
	}
}
