package compose_test

import (
	"context"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/flow"
)

func TestTheLawForAReleaseAndBack(t *testing.T) {
	s := newShop(t)
	canary, redeploy, restore := cloud.Canary{Rollout: s.rollout}, cloud.Redeploy{Rollout: s.rollout}, cloud.Restore{Rollout: s.rollout}
	s.plan(canary, "redeploy phpfiles (once its image is pushed)")
	s.plan(redeploy, "redeploy web (once", "redeploy phpha (once")
	s.plan(restore)
	s.release()
	if s.gate() != nil {
		t.Error("a gate before there is a canary")
	}
	proven := func() error { return cloud.Proven(t.Context(), s.stack, s.wanted, s.rollout.Repositories) }
	if proven() == nil {
		t.Error("proven before anything runs it")
	}
	// Killed in the canary, then the same again.
	dying := s.rollout
	dying.Stack = compose.New(&mortal{APIClient: s.engine, left: 3}, s.name, nil)
	for _, a := range s.plan(cloud.Canary{Rollout: s.rollout}, "phpfiles") {
		killed := cloud.Canary{Rollout: dying}
		again, err := killed.Plan(t.Context())
		s.must(err)
		if again[0].What != a.What || again[0].Do(t.Context(), flow.Silent{}) == nil {
			t.Error("it was not killed")
		}
	}
	s.do(s.plan(canary, "redeploy phpfiles ("+cloud.Short(digest(s.php))+" → "+cloud.Short(digest(s.newPHP))))
	s.plan(canary)
	gate := s.gate()
	if gate == nil || gate.Subject != digest(s.newPHP) || !strings.Contains(strings.Join(gate.Summary, "\n"), "| serving 2") {
		t.Fatalf("the gate is %+v", gate)
	}
	s.must(gate.Ready(t.Context(), flow.Silent{}))
	s.do(s.plan(redeploy, "redeploy web", "redeploy phpha"))
	s.plan(canary)
	s.plan(redeploy)
	if again := s.gate(); again == nil || again.Subject != gate.Subject {
		t.Error("the gate is gone after the redeploy: nobody would be asked after a stop")
	}
	s.must(proven())
	if _, tag := s.service("web").Image, s.service("web").Tag; tag != "git-commit-1" {
		t.Errorf("web runs the tag %s", tag)
	}
	s.do(s.plan(restore, "redeploy phpha", "redeploy web", "redeploy phpfiles"))
	s.plan(restore)
	for name, want := range s.base {
		if have := s.service(name).Digest; have != want {
			t.Errorf("%s runs %s, and not its baseline %s", name, have, want)
		}
	}
	if s.gate() != nil {
		t.Error("a gate after all was taken back")
	}
}

func TestCanaryWhoseCheckFails(t *testing.T) {
	s := newShop(t)
	s.release()
	s.rollout.Checks = []cloud.Command{{Run: []string{"/app", "job", "0", "fine"}}, {Run: []string{"/app", "job", "3", "broken"}, In: "web"}}
	canary := cloud.Canary{Rollout: s.rollout}
	out := &report{}
	err := s.plan(canary, "phpfiles")[0].Do(t.Context(), out)
	if err == nil || !strings.Contains(err.Error(), "check /app job 3 broken in web: exit status 3") || !strings.Contains(err.Error(), "back on") {
		t.Errorf("%v", err)
	}
	if !strings.Contains(out.String(), "fine") || out.fact["check /app job 0 fine"] != "passed" {
		t.Errorf("%s, %v", out, out.fact)
	}
	s.plan(canary, "redeploy phpfiles")
	if s.service("phpfiles").Digest != digest(s.php) {
		t.Error("the canary still runs it")
	}
}

func TestTheLawForMigrations(t *testing.T) {
	s := newShop(t)
	s.release()
	var files []string
	key := "k1"
	spec := &cloud.Migration{Service: "phpfiles", Paths: []string{"migrations/**"}, Run: []string{"/app", "job", "0", "migrated"},
		Backup: []string{"/app", "job", "0", "saved"}, ForEach: map[string][]string{"DATA": {"example", "foo"}}}
	m := cloud.Migrate{Stack: s.stack, Release: s.wanted, Confirm: "production", Spec: spec, Since: "3209ce7",
		Changed: func(context.Context) ([]string, string, error) { return files, key, nil }}
	if _, err := m.Plan(t.Context()); err == nil || err.Error() != "no migration under migrations/** changed since 3209ce7" {
		t.Errorf("%v", err)
	}
	files = []string{"migrations/003.sql"}
	actions := s.plan(m, "back up with /app job 0 saved in a one-off container of phpfiles with DATA=example",
		"run /app job 0 migrated in a one-off container of phpfiles with DATA=example", "back up", "with DATA=foo")
	if actions[0].Key == "" || actions[0].Key == actions[1].Key || actions[0].Seen {
		t.Errorf("%+v", actions)
	}
	out := &report{}
	s.do(actions[:1])
	actions = s.plan(m, "run /app job 0 migrated", "back up", "with DATA=foo")
	s.must(actions[0].Do(t.Context(), out))
	if text := out.String(); !strings.Contains(text, "migrated 2 example") {
		t.Errorf("not in the new image with its value: %s", text)
	}
	s.do(s.plan(m, "back up", "with DATA=foo"))
	s.plan(m)
	// A second commit with a migration of its own, which fails first.
	key, spec.Run = "k2", []string{"/app", "job", "5", "failed"}
	actions = s.plan(m, "back up", "DATA=example", "back up", "DATA=foo")
	s.do(actions[:1])
	if err := actions[1].Do(t.Context(), out); err == nil || !strings.Contains(err.Error(), "exit status 5") {
		t.Errorf("%v", err)
	}
	spec.Run = []string{"/app", "job", "0", "repaired"}
	actions = s.plan(m, "again: it ended with exit status 5", "back up", "DATA=foo")
	if !actions[0].Seen || actions[1].Seen {
		t.Error("what the world shows is not unsure; what it does not show may be")
	}
	s.do(actions)
	s.plan(m)
	// Pending outranks paths, and is asked once for each image.
	spec.Pending, spec.ForEach, files = []string{"/app", "read", "/missing"}, nil, nil
	if err := s.plan(m, "back up", "run /app job 0 repaired")[0].Do(t.Context(), out); err == nil || !strings.Contains(err.Error(), "pending /app read") {
		t.Errorf("a list that can't be read: %v", err)
	}
	spec.Pending = []string{"/app", "write", "/list", ""} // prints nothing
	out = &report{}
	s.must(s.plan(m, "back up", "run /app job 0 repaired")[0].Do(t.Context(), out))
	if strings.Contains(out.String(), "repaired") || out.fact["pending"] != "nothing" {
		t.Errorf("nothing was pending, but %s, %v", out, out.fact)
	}
	s.plan(m)
}

func TestWhatIsNotThere(t *testing.T) {
	p := newProject(t)
	p.up("web", 1, p.push("live", "1", ""))
	_, err := compose.New(p.engine, p.name+"x", nil).Services(t.Context())
	says(t, err, "there is no compose project "+p.name+"x on ", p.name)
	says(t, p.stack.Update(t.Context(), "wep", p.repository+"@sha256:"+strings.Repeat("0", 64), quick, flow.Silent{}), `no service "wep"`, "hotfix status")
	rollout := cloud.Rollout{Stack: p.stack, Release: release{}, Repositories: []string{p.repository}, First: "wep"}
	_, err = cloud.Canary{Rollout: rollout}.Plan(t.Context())
	says(t, err, `no service "wep"`, "its services are web")
	nowhere, err := client.New(client.WithHost("unix:///nonexistent/docker.sock"))
	p.must(err)
	_, err = compose.New(nowhere, p.name, nil).Services(t.Context())
	says(t, err, "the engine at unix:///nonexistent/docker.sock can't be reached", "docker -H unix:///nonexistent/docker.sock version")
}

// says fails the test unless the error says one thing, and its hints another.
func says(t *testing.T, err error, text, hint string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) || !strings.Contains(strings.Join(flow.Hints(err), " "), hint) {
		t.Errorf("error %v, hints %v; want %q and %q", err, flow.Hints(err), text, hint)
	}
}
