//go:build swarm

package swarm_test

import (
	"context"
	"strings"
	"testing"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

func TestTheLawForAReleaseAndBack(t *testing.T) {
	s := newShop(t, "nginx")
	canary, redeploy, restore := cloud.Canary{Rollout: s.rollout}, cloud.Redeploy{Rollout: s.rollout}, cloud.Restore{Rollout: s.rollout}
	s.plan(canary, "redeploy phpfiles (once its image is pushed)")
	s.plan(redeploy, "redeploy phpha (once", "redeploy web (once")
	s.plan(restore)
	s.release()
	proven := func() error { return cloud.Proven(t.Context(), s.Stack, s.wanted, s.rollout.Repositories) }
	if proven() == nil {
		t.Error("proven before anything runs it")
	}
	users := ask(t, s.ports...)
	s.do(s.plan(canary, "redeploy phpfiles ("+cloud.Short(digest(s.php))+" → "+cloud.Short(digest(s.newPHP))))
	s.plan(canary)
	gate, err := redeploy.Gate(t.Context())
	if err != nil || gate == nil || gate.Subject != digest(s.newPHP) || !strings.Contains(strings.Join(gate.Summary, "\n"), "| serving 2") {
		t.Fatalf("the gate is %+v, %v", gate, err)
	}
	s.must(gate.Ready(t.Context(), flow.Silent{}))
	s.do(s.plan(redeploy, "redeploy phpha", "redeploy web"))
	s.plan(canary)
	s.plan(redeploy)
	s.must(proven())
	s.do(s.plan(restore, "redeploy web", "redeploy phpha", "redeploy phpfiles"))
	s.plan(restore)
	users.nothingFailed(t, "there and back")
	s.baseline()
}

// baseline fails the test unless every service runs what it ran before.
func (s *shop) baseline() {
	s.t.Helper()
	for name, want := range s.base {
		if now := s.service(name); now.Digest != want || now.Interrupted || now.Healthy != now.Containers {
			s.t.Errorf("%+v, and not its baseline %s", now, want)
		}
	}
}

// TestThePatchFailsInTheLastService: whatever went well before it goes back too, and nobody notices.
func TestThePatchFailsInTheLastService(t *testing.T) {
	s := newShop(t, "crash")
	s.release()
	users := ask(t, s.ports...)
	s.do(s.plan(cloud.Canary{Rollout: s.rollout}, "phpfiles"))
	rest := s.plan(cloud.Redeploy{Rollout: s.rollout}, "phpha", "web")
	s.do(rest[:1])
	if err := rest[1].Do(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "it crashed") || !strings.Contains(err.Error(), "web is back on") {
		t.Errorf("%v", err)
	}
	s.do(s.plan(cloud.Restore{Rollout: s.rollout}, "phpha", "phpfiles"))
	users.nothingFailed(t, "failed in the last one")
	s.baseline()
}

func TestTheLawForMigrations(t *testing.T) {
	s := newStack(t)
	old, next := s.push("git-commit-1", "1", ""), s.push("git-commit-2", "2", "")
	s.up("phpfiles", old)
	shop := &shop{stack: s}
	files := []string{"migrations/003.sql"}
	spec := &cloud.Migration{Service: "phpfiles", Paths: []string{"migrations/**"}, Run: []string{"/app", "job", "0", "migrated"},
		Backup: []string{"/app", "job", "0", "saved"}, ForEach: map[string][]string{"DATA": {"bar", "foo", "qux"}}}
	m := cloud.Migrate{Stack: s.Stack, Release: release{s.repository: digest(next)}, Confirm: "production", Spec: spec, Since: "3209ce7",
		Changed: func(context.Context) ([]string, string, error) { return files, "k1", nil }}
	actions := shop.plan(m, "back up", "run /app job 0 migrated in a one-off container of phpfiles with DATA=bar", "back up", "DATA=foo", "back up", "DATA=qux")
	out := &report{}
	shop.do(actions[:1])
	actions = shop.plan(m, "DATA=bar", "back up", "DATA=foo", "back up", "DATA=qux")
	s.must(actions[0].Do(t.Context(), out))
	if !strings.Contains(out.String(), "migrated 2 bar") {
		t.Errorf("not in the new image with its value: %s", out)
	}
	// The second of three fails: it is on the record, and the third is not run.
	spec.Run = []string{"/app", "job", "5", "failed"}
	actions = shop.plan(m, "back up", "DATA=foo", "back up", "DATA=qux")
	shop.do(actions[:1])
	if err := actions[1].Do(t.Context(), out); err == nil || !strings.Contains(err.Error(), "exit status 5") {
		t.Errorf("%v", err)
	}
	spec.Run = []string{"/app", "job", "0", "repaired"}
	actions = shop.plan(m, "DATA=foo, again: it ended with exit status 5", "back up", "DATA=qux")
	shop.do(actions)
	shop.plan(m)
}
