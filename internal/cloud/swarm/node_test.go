//go:build swarm

package swarm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// TestTheSpareNodeDies: two replicas on a port of three nodes, and the node that the first one has just left dies:
// there is no place for the second one's successor. It pends, our deadline takes it back, and on the way back too
// there is no spare node.
func TestTheSpareNodeDies(t *testing.T) {
	s, port := newStackDoomed(t), freePort()
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, replicas(2), hostPort(port), on("node.role==worker"))
	s.edit("web", func(spec *swarm.ServiceSpec) { spec.TaskTemplate.Placement = &swarm.Placement{} })
	s.await("nothing moves", func() bool { return s.service("web").Running == 2 && len(s.tasks("web")) == 2 })
	users := ask(t, port)
	began := time.Now()
	done := make(chan error)
	go func() {
		done <- s.Update(t.Context(), "web", next, cloud.Options{Monitor: time.Second, Timeout: 22 * time.Second}, flow.Silent{})
	}()
	victim := shared.Nodes[2]
	s.await("the first old task ends", func() bool {
		for _, task := range s.tasks("web") {
			if task.DesiredState == swarm.TaskStateShutdown {
				victim = s.worker(task.NodeID, victim)
				return true
			}
		}
		return false
	})
	victim.Kill()
	err := <-done
	t.Logf("without a spare node it took %.1f s: %v", time.Since(began).Seconds(), err)
	if err == nil || !strings.Contains(err.Error(), "host-mode port already in use") || !strings.Contains(err.Error(), "web is back on") {
		t.Errorf("%v", err)
	}
	s.is("web", old, 2)
	users.nothingFailed(t, "the spare node dies")
}
