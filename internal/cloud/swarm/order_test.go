//go:build swarm

package swarm_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

// TestTheOrderIsSaidBeforehand: what can't or must not be updated start-first, and why.
func TestTheOrderIsSaidBeforehand(t *testing.T) {
	s := newStack(t)
	ref, bare := s.push("live", "1", "", checked), s.push("bare", "1", "")
	for _, test := range []struct {
		name, ref, order, says string
		more                   []func(*swarm.ServiceSpec)
	}{
		{"plain", ref, "", "updated start-first", nil},
		{"bare", bare, "", "no healthcheck", nil},
		{"bare", bare, "start-first", "updated start-first", nil},
		{"plain", ref, "stop-first", "hotfix.yml says so", nil},
		{"spared", ref, "", "updated start-first", []func(*swarm.ServiceSpec){hostPort(freePort()), replicas(2)}},
		{"everywhere", ref, "", "no spare node", []func(*swarm.ServiceSpec){hostPort(freePort()), replicas(3)}},
		{"everywhere", ref, "start-first", "no spare node", nil},
		{"pinned", ref, "", "no spare node", []func(*swarm.ServiceSpec){hostPort(freePort()), on("node.role==manager")}},
		{"workers", ref, "", "updated start-first", []func(*swarm.ServiceSpec){hostPort(freePort()), on("node.role != manager")}},
		{"every", ref, "", "no spare node", []func(*swarm.ServiceSpec){hostPort(freePort()), global}},
		{"db", ref, "", "its only replica writes to a volume", []func(*swarm.ServiceSpec){data(s)}},
		{"reader", ref, "", "updated start-first", []func(*swarm.ServiceSpec){data(s), func(spec *swarm.ServiceSpec) { spec.TaskTemplate.ContainerSpec.Mounts[0].ReadOnly = true }}},
	} {
		if test.more != nil || !s.has(test.name) {
			s.create(test.name, test.ref, test.more...)
		}
		config := s.config
		config.Order = test.order
		services, err := target.New(s.engine, s.name, config).Services(t.Context())
		s.must(err)
		for _, one := range services {
			if one.Name == test.name && !strings.Contains(one.Detail, test.says) {
				t.Errorf("%s %s: %q, want %q", test.name, test.order, one.Detail, test.says)
			}
		}
	}
}

func (s *stack) has(name string) bool {
	services, err := s.Services(context.Background())
	for _, one := range services {
		if one.Name == name {
			return err == nil
		}
	}
	return false
}

func global(spec *swarm.ServiceSpec) { spec.Mode = swarm.ServiceMode{Global: &swarm.GlobalService{}} }

func TestUpdateOfGlobalAndPinnedServices(t *testing.T) {
	s := newStack(t)
	old, next, bad := s.push("live", "1", "", checked), s.push("next", "2", "", checked), s.push("bad", "2", "crash", checked)
	s.up("every", old, global)
	s.is("every", old, 3)
	s.must(s.Update(t.Context(), "every", next, quick, flow.Silent{}))
	s.is("every", next, 3)
	if err := s.Update(t.Context(), "every", bad, quick, flow.Silent{}); err == nil || !strings.Contains(err.Error(), "is back on") {
		t.Errorf("%v", err)
	}
	s.is("every", next, 3)
	s.up("db", old, data(s), hostPort(freePort()))
	s.must(s.Update(t.Context(), "db", next, quick, flow.Silent{}))
	s.is("db", next, 1)
}

// TestWhatPendsIsTakenBack: the engine waits for ever for a node that fits; our deadline does not.
func TestWhatPendsIsTakenBack(t *testing.T) {
	s := newStack(t)
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, func(spec *swarm.ServiceSpec) {
		spec.TaskTemplate.Resources = &swarm.ResourceRequirements{Reservations: &swarm.Resources{NanoCPUs: 15e8}}
		on("node.role==manager")(spec)
	})
	began := time.Now()
	err := s.Update(t.Context(), "web", next, cloud.Options{Monitor: time.Second, Timeout: 2 * time.Second}, flow.Silent{})
	if err == nil || !strings.Contains(err.Error(), "insufficient resources on 1 node") || !strings.Contains(err.Error(), "is back on") {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	s.is("web", old, 1)
	if s.state("web") != "" || len(s.tasks("web")) == 0 {
		t.Errorf("it is left %q", s.state("web"))
	}
}
