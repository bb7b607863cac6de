//go:build swarm

package swarm_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// mortal is the engine as a process sees it that is killed right after so many changes.
type mortal struct {
	client.APIClient
	left atomic.Int32
}

var errKilled = errors.New("killed")

func (m *mortal) dead() error {
	if m.left.Load() <= 0 {
		return errKilled
	}
	return nil
}

func (m *mortal) ServiceUpdate(ctx context.Context, id string, o client.ServiceUpdateOptions) (r client.ServiceUpdateResult, err error) {
	if m.dead() != nil {
		return r, errKilled
	}
	r, err = m.APIClient.ServiceUpdate(ctx, id, o)
	m.left.Add(-1)
	return r, errors.Join(err, m.dead())
}

func (m *mortal) ServiceInspect(ctx context.Context, id string, o client.ServiceInspectOptions) (client.ServiceInspectResult, error) {
	if m.dead() != nil {
		return client.ServiceInspectResult{}, errKilled
	}
	return m.APIClient.ServiceInspect(ctx, id, o)
}

// dies runs an update in a process that is killed after so many changes.
func (s *stack) dies(name, ref string, after int32) {
	s.t.Helper()
	engine := &mortal{APIClient: s.engine}
	engine.left.Store(after)
	if err := target.New(engine, s.name, s.config).Update(s.t.Context(), name, ref, quick, flow.Silent{}); !errors.Is(err, errKilled) {
		s.t.Fatalf("it was not killed: %v", err)
	}
}

func TestKilledAnywhereTheSameAgainConverges(t *testing.T) {
	s, port := newStack(t), freePort()
	versions := []string{s.push("a", "1", "", checked), s.push("b", "2", "", checked)}
	s.up("web", versions[0], replicas(2), hostPort(port))
	before := s.settings("web")
	users := ask(t, port)
	for i, after := range []int32{1, 2, 3} {
		next := versions[(i+1)%2]
		s.dies("web", next, after)
		if now := s.service("web"); after < 3 && !now.Interrupted {
			t.Errorf("killed after %d changes: %+v", after, now)
		}
		if after == 2 {
			s.await("the engine finishes without us", func() bool { return s.state("web") == swarm.UpdateStateCompleted })
			if now := s.service("web"); now.Digest != digest(next) || !now.Interrupted {
				t.Errorf("nobody has checked it yet: %+v", now)
			}
		}
		s.must(s.Update(t.Context(), "web", next, quick, flow.Silent{}))
		s.is("web", next, 2)
		if after := s.settings("web"); after != before {
			t.Errorf("before:\n%s\nafter:\n%s", before, after)
		}
	}
	users.nothingFailed(t, "killed three times")
}

func TestKilledTheEngineTakesItBack(t *testing.T) {
	s, port := newStack(t), freePort()
	old, bad := s.push("live", "1", "", checked), s.push("bad", "2", "unhealthy", checked)
	s.up("web", old, replicas(2), hostPort(port))
	before := s.settings("web")
	users := ask(t, port)
	s.dies("web", bad, 2)
	s.await("the engine takes it back without us", func() bool { return s.state("web") == swarm.UpdateStateRollbackCompleted })
	if now := s.service("web"); now.Digest != digest(old) || !now.Interrupted {
		t.Errorf("%+v", now)
	}
	// The same command tries again and says why not, the way back only tidies up.
	if err := s.Update(t.Context(), "web", bad, quick, flow.Silent{}); err == nil || !strings.Contains(err.Error(), "is back on") {
		t.Errorf("%v", err)
	}
	s.is("web", old, 2)
	s.dies("web", bad, 2)
	s.must(s.Update(t.Context(), "web", old, quick, flow.Silent{})) // in the middle of it
	s.is("web", old, 2)
	if after := s.settings("web"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	users.nothingFailed(t, "a bad image, and nobody there")
}

func TestInterruptedItGoesOn(t *testing.T) {
	s := newStack(t)
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old)
	ctx, interrupt := context.WithCancel(t.Context())
	o := quick
	o.Check = func(context.Context, flow.Report) error { interrupt(); return ctx.Err() }
	err := s.Update(ctx, "web", next, o, flow.Silent{})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "left running") || !strings.Contains(strings.Join(flow.Hints(err), ""), "hotfix rollback") {
		t.Errorf("%v, %v", err, flow.Hints(err))
	}
	if now := s.service("web"); !now.Interrupted || now.Digest != digest(next) {
		t.Errorf("%+v", now)
	}
	checked := false
	o.Check = func(context.Context, flow.Report) error { checked = true; return nil }
	s.must(s.Update(t.Context(), "web", next, o, flow.Silent{}))
	if s.is("web", next, 1); !checked {
		t.Error("it was not checked")
	}
}

func TestANodeDiesMeanwhile(t *testing.T) {
	s, port := newStackDoomed(t), freePort()
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old, replicas(2), hostPort(port))
	users := ask(t, port)
	began := time.Now()
	done := make(chan error)
	go func() {
		done <- s.Update(t.Context(), "web", next, cloud.Options{Monitor: 3 * time.Second, Timeout: 25 * time.Second}, flow.Silent{})
	}()
	victim := shared.Nodes[2]
	s.await("a new task runs", func() bool {
		for _, task := range s.tasks("web") {
			if task.Spec.ContainerSpec.Image == next && task.Status.State == swarm.TaskStateRunning {
				victim = s.worker(task.NodeID, victim)
				return true
			}
		}
		return false
	})
	victim.Kill()
	err := <-done
	t.Logf("with a node less it took %.1f s: %v", time.Since(began).Seconds(), err)
	if err != nil && !strings.Contains(err.Error(), "is back on "+cloud.Short(digest(old))) {
		t.Error(err)
	}
	want := next
	if err != nil {
		want = old
	}
	s.await("two run again", func() bool { return s.service("web").Running == 2 && s.inspect("web").UpdateStatus == nil })
	s.is("web", want, 2)
	users.nothingFailed(t, "a node dies in a redeploy")
}

// state is what the engine says of a service's update, or nothing.
func (s *stack) state(name string) swarm.UpdateState {
	if status := s.inspect(name).UpdateStatus; status != nil {
		return status.State
	}
	return ""
}

// worker returns the node with this id, or the other one where it is the manager.
func (s *stack) worker(id string, other *sandbox.Node) *sandbox.Node {
	s.t.Helper()
	found, err := s.engine.NodeInspect(s.t.Context(), id, client.NodeInspectOptions{})
	s.must(err)
	for _, n := range shared.Nodes[1:] {
		if n.Name == found.Node.Description.Hostname {
			s.t.Log(n.Name, "dies")
			return n
		}
	}
	return other
}

func (s *stack) tasks(name string) []swarm.Task {
	s.t.Helper()
	list, err := s.engine.TaskList(s.t.Context(), client.TaskListOptions{Filters: client.Filters{}.Add("service", s.name+"_"+name)})
	s.must(err)
	return list.Items
}
