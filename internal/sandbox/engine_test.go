package sandbox

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestBaseIsThere(t *testing.T) {
	engine, image := Engine(t), Base(t)
	if there, err := hasImage(t.Context(), engine, image); !there || err != nil {
		t.Fatalf("base image %s: %v %v", image, there, err)
	}
}

// spy is a test that tells how it ended.
type spy struct {
	testing.TB
	end string
}

func (s *spy) Helper()                           {}
func (s *spy) Context() context.Context          { return context.Background() }
func (s *spy) Skipf(format string, args ...any)  { s.stop("skipped", format, args) }
func (s *spy) Fatalf(format string, args ...any) { s.stop("failed", format, args) }

func (s *spy) stop(how, format string, args []any) {
	s.end = how + ": " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func TestWithoutAnEngineATestIsSkippedOrFails(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	for need, want := range map[string]string{"": "skipped: SKIPPED, NOT TESTED", "1": "failed: HOTFIX_NEED_ENGINE=1"} {
		t.Setenv("HOTFIX_NEED_ENGINE", need)
		s, done := &spy{}, make(chan bool)
		go func() {
			defer close(done)
			Engine(s)
		}()
		<-done
		if !strings.HasPrefix(s.end, want) || !strings.Contains(s.end, "unix:///nowhere/docker.sock") {
			t.Errorf("HOTFIX_NEED_ENGINE=%q: %q, want %q", need, s.end, want)
		}
	}
}

func TestNoEngineIsInstalledWhereAnotherIsMeant(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
	_, err := Connect(t.Context(), t.Logf)
	if err == nil || !strings.Contains(strings.Join(flow.Hints(err), " "), "unset DOCKER_HOST") {
		t.Fatalf("%v, hints %q", err, flow.Hints(err))
	}
}
