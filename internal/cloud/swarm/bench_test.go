//go:build swarm

package swarm_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

// BenchmarkRedeploy tells what users, asking every 10 ms, see of a redeploy each way, and its time beside that of
// `docker service update` with the same settings.
func BenchmarkRedeploy(b *testing.B) {
	s, port := newStackAlone(b), freePort()
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, hostPort(port), func(spec *swarm.ServiceSpec) {
		spec.UpdateConfig = &swarm.UpdateConfig{Parallelism: 1, Order: "start-first", Monitor: 5 * time.Second, FailureAction: "rollback"}
	})
	docker := func(ref string) {
		command := exec.Command("docker", "-H", s.engine.DaemonHost(), "service", "update", "--quiet", "--no-resolve-image", "--image", ref, s.name+"_web")
		if out, err := command.CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	hotfix := func(order string) func(ref string) {
		config := s.config
		config.Order = order
		return func(ref string) {
			proven := cloud.Options{Monitor: 5 * time.Second, Timeout: time.Minute}
			s.must(target.New(s.engine, s.name, config).Update(b.Context(), "web", ref, proven, flow.Silent{}))
		}
	}
	for _, way := range []struct {
		name string
		run  func(ref string)
	}{{"docker-service-update", docker}, {"start-first", hotfix("start-first")}, {"stop-first", hotfix("stop-first")}} {
		b.Run(way.name, func(b *testing.B) {
			var failed int
			var gap time.Duration
			for b.Loop() {
				for _, ref := range []string{next, old} {
					users := ask(b, port)
					way.run(ref)
					seen := users.ended()[port]
					failed, gap = failed+seen.failed, max(gap, seen.gap)
				}
			}
			if failed > 0 && way.name == "start-first" {
				b.Errorf("%d requests failed", failed)
			}
			b.ReportMetric(b.Elapsed().Seconds()/float64(2*b.N), "s/redeploy")
			b.ReportMetric(float64(failed)/float64(2*b.N), "failed/redeploy")
			b.ReportMetric(gap.Seconds(), "s-longest-gap")
		})
	}
}
