//go:build swarm

package swarm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"hotfix/internal/flow"
)

// TestPausedItStopsAndGoesOn: three of a kind, interrupted after the first; paused, some stay as they were, and the same
// again replaces them; or the way back takes back what was replaced.
func TestPausedItStopsAndGoesOn(t *testing.T) {
	s := newStack(t)
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, replicas(5))
	before := s.settings("web")
	replaced := func() (n int) {
		for _, task := range s.tasks("web") {
			if task.Spec.ContainerSpec.Image == next && task.DesiredState == "running" && task.Status.State == "running" {
				n++
			}
		}
		return n
	}
	interrupted := func() {
		t.Helper()
		ctx, interrupt := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Update(ctx, "web", next, quick, flow.Silent{}) }()
		s.await("the first is replaced", func() bool { return replaced() > 0 })
		interrupt()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		what, pauses, err := s.Going(t.Context(), "web")
		if err != nil || !pauses || !strings.Contains(what, "goes on updating web") {
			t.Fatalf("%q, %v, %v", what, pauses, err)
		}
		s.must(s.Pause(t.Context(), "web"))
	}
	interrupted()
	at, since := replaced(), time.Now()
	s.await("nothing more is replaced", func() bool { // one that is starting still gets there
		if now := replaced(); now != at {
			at, since = now, time.Now()
		}
		return time.Since(since) > 2500*time.Millisecond
	})
	if at > 4 {
		t.Errorf("paused, it went on to %d", at)
	}
	if now := s.service("web"); !now.Interrupted || !strings.Contains(now.Detail, "paused") || now.Running != 5 {
		t.Errorf("%+v", now)
	}
	s.must(s.Update(t.Context(), "web", next, quick, flow.Silent{}))
	s.is("web", next, 5)
	s.must(s.Update(t.Context(), "web", old, quick, flow.Silent{}))
	interrupted()
	s.must(s.Update(t.Context(), "web", old, quick, flow.Silent{}))
	s.is("web", old, 5)
	if after := s.settings("web"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
