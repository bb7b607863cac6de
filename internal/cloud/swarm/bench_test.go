package swarm_test

import (
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

// TestStartFirstAgainstStopFirst tells what users see of a redeploy each way, and its time beside that of
// `docker service update` with the same settings. It is slow, and asked for by HOTFIX_BENCH=1.
func TestStartFirstAgainstStopFirst(t *testing.T) {
	if os.Getenv("HOTFIX_BENCH") != "1" {
		t.Skip("HOTFIX_BENCH=1 runs it")
	}
	s, port := newStackAlone(t), freePort()
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, hostPort(port), func(spec *swarm.ServiceSpec) {
		spec.UpdateConfig = &swarm.UpdateConfig{Parallelism: 1, Order: "start-first", Monitor: 5 * time.Second, FailureAction: "rollback"}
	})
	proven := cloud.Options{Monitor: 5 * time.Second, Timeout: time.Minute}
	update := func(order string) func(ref string) {
		config := s.config
		config.Order = order
		return func(ref string) {
			s.must(target.New(s.engine, s.name, config).Update(t.Context(), "web", ref, proven, flow.Silent{}))
		}
	}
	docker := func(ref string) {
		command := exec.Command("docker", "-H", s.engine.DaemonHost(), "service", "update", "--quiet", "--no-resolve-image", "--image", ref, s.name+"_web")
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, way := range []struct {
		name string
		run  func(ref string)
	}{{"docker service update", docker}, {"hotfix, start-first", update("start-first")}, {"hotfix, stop-first", update("stop-first")}} {
		for _, ref := range []string{next, old} {
			users, began := ask(t, port), time.Now()
			way.run(ref)
			took := time.Since(began)
			seen := users.ended()[port]
			t.Logf("%s: %.1f s, %d requests, %d failed, longest gap %v", way.name, took.Seconds(), seen.sent, seen.failed, seen.gap.Round(time.Millisecond))
			if seen.failed > 0 && way.name == "hotfix, start-first" {
				t.Errorf("%v", seen.errors)
			}
		}
	}
}
