package cache

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/cache/command"
	"hotfix/internal/flow"
)

// world is a CDN that a command purges: it leaves a file.
func world(t *testing.T, env ...string) (Purger, string) {
	t.Helper()
	mark := filepath.Join(t.TempDir(), "purged")
	return command.Purger{Command: []string{"sh", "-c", `echo "$TOKEN" > ` + mark + `; exit ${FAIL:-0}`},
		Env: func(context.Context) ([]string, error) { return append(env, "PATH="+os.Getenv("PATH")), nil }}, mark
}

func TestPurgeKeepsTheLaw(t *testing.T) {
	cdn, mark := world(t, "TOKEN=t0ken")
	var when string
	served := errors.New("web runs the old one")
	p := &Purge{Purgers: []Purger{cdn}, Proven: func(context.Context) error { return served },
		Purged: func(context.Context) (string, bool) { return when, when != "" }}
	actions, err := p.Plan(t.Context())
	if err != nil || len(actions) != 1 {
		t.Fatalf("%v %v", actions, err)
	}
	if err := actions[0].Do(t.Context(), flow.Silent{}); !errors.Is(err, served) {
		t.Errorf("purged although %v: %v", served, err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Fatal("planning, or an action that was refused, has purged")
	}
	served = nil
	if err := actions[0].Do(t.Context(), flow.Silent{}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(mark); strings.TrimSpace(string(text)) != "t0ken" {
		t.Errorf("the command got %q", text)
	}
	when = "at noon"
	if actions, err := p.Plan(t.Context()); len(actions) > 0 {
		t.Errorf("left: %v %v", actions, err)
	} else if why, ok := flow.NothingToDo(err); !ok || !strings.Contains(why, "at noon") {
		t.Errorf("%v", err)
	}
}

// Where the patch changed nothing that is cached, the plan says so.
func TestPurgeThatNothingCallsFor(t *testing.T) {
	cdn, _ := world(t)
	for _, why := range []string{"", "every service serves what it served before"} {
		p := &Purge{Purgers: []Purger{cdn}, Proven: func(context.Context) error { return nil },
			Purged: func(context.Context) (string, bool) { return "", false }, Uncalled: func(context.Context) string { return why }}
		if actions, err := p.Plan(t.Context()); err != nil || len(actions) != 1 || actions[0].Uncalled != why {
			t.Errorf("%q: %+v %v", why, actions, err)
		}
	}
}

func TestACommandThatFails(t *testing.T) {
	cdn, _ := world(t, "FAIL=3")
	if err := cdn.Purge(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("%v", err)
	}
	missing := command.Purger{Command: []string{"no-such-purger"}}
	if _, err := missing.Checks()[0].Do(t.Context()); err == nil || len(flow.Hints(err)) == 0 {
		t.Errorf("%v", err)
	}
}
