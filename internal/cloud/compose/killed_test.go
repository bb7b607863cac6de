package compose_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/flow"
)

// mortal is an engine's client that dies after some changing calls: what was asked for has happened, the answer and
// everything after it is lost, as if hotfix had been killed.
type mortal struct {
	client.APIClient
	left int
	last string // the last call that went through
}

var errKilled = errors.New("killed")

// call lets one changing call through while there is life left.
func call[T any](m *mortal, name string, do func() (T, error)) (T, error) {
	var none T
	if m.left <= 0 {
		return none, errKilled
	}
	result, err := do()
	m.left, m.last = m.left-1, name
	if m.left == 0 {
		return none, errKilled
	}
	return result, err
}

func (m *mortal) ContainerCreate(ctx context.Context, o client.ContainerCreateOptions) (client.ContainerCreateResult, error) {
	return call(m, "create", func() (client.ContainerCreateResult, error) { return m.APIClient.ContainerCreate(ctx, o) })
}

func (m *mortal) NetworkConnect(ctx context.Context, n string, o client.NetworkConnectOptions) (client.NetworkConnectResult, error) {
	return call(m, "connect", func() (client.NetworkConnectResult, error) { return m.APIClient.NetworkConnect(ctx, n, o) })
}

func (m *mortal) ContainerStop(ctx context.Context, id string, o client.ContainerStopOptions) (client.ContainerStopResult, error) {
	return call(m, "stop", func() (client.ContainerStopResult, error) { return m.APIClient.ContainerStop(ctx, id, o) })
}

func (m *mortal) ContainerRename(ctx context.Context, id string, o client.ContainerRenameOptions) (client.ContainerRenameResult, error) {
	return call(m, "rename to "+o.NewName, func() (client.ContainerRenameResult, error) { return m.APIClient.ContainerRename(ctx, id, o) })
}

func (m *mortal) ContainerStart(ctx context.Context, id string, o client.ContainerStartOptions) (client.ContainerStartResult, error) {
	return call(m, "start", func() (client.ContainerStartResult, error) { return m.APIClient.ContainerStart(ctx, id, o) })
}

func (m *mortal) ImageTag(ctx context.Context, o client.ImageTagOptions) (client.ImageTagResult, error) {
	return call(m, "tag", func() (client.ImageTagResult, error) { return m.APIClient.ImageTag(ctx, o) })
}

func (m *mortal) ContainerRemove(ctx context.Context, id string, o client.ContainerRemoveOptions) (client.ContainerRemoveResult, error) {
	return call(m, "remove", func() (client.ContainerRemoveResult, error) { return m.APIClient.ContainerRemove(ctx, id, o) })
}

func (m *mortal) ContainerUpdate(ctx context.Context, id string, o client.ContainerUpdateOptions) (client.ContainerUpdateResult, error) {
	return call(m, "restart policy", func() (client.ContainerUpdateResult, error) { return m.APIClient.ContainerUpdate(ctx, id, o) })
}

func (m *mortal) ContainerInspect(ctx context.Context, id string, o client.ContainerInspectOptions) (client.ContainerInspectResult, error) {
	if m.left <= 0 {
		return client.ContainerInspectResult{}, errKilled
	}
	return m.APIClient.ContainerInspect(ctx, id, o)
}

func (m *mortal) ContainerList(ctx context.Context, o client.ContainerListOptions) (client.ContainerListResult, error) {
	if m.left <= 0 {
		return client.ContainerListResult{}, errKilled
	}
	return m.APIClient.ContainerList(ctx, o)
}

// TestUpdateKilledAnywhere kills an update after each changing call in turn. Never do two containers serve, nothing is
// lost, and the same again converges: to the new image, or to the old one.
func TestUpdateKilledAnywhere(t *testing.T) {
	for _, towards := range []string{"new", "old"} {
		t.Run("then the "+towards, func(t *testing.T) {
			p := newProject(t)
			old, next := p.push("live", "1", ""), p.push("next", "2", "")
			p.network("b")
			id := p.up("web", 1, old, always)
			_, err := p.engine.NetworkConnect(t.Context(), p.name+"_b", client.NetworkConnectOptions{Container: id})
			p.must(err)
			goal := map[string]string{"new": next, "old": old}[towards]
			p.killEverywhere(old, next, goal, true)
		})
	}
}

// TestPuttingBackKilledAnywhere does the same to an update that fails: also while it is being put back.
func TestPuttingBackKilledAnywhere(t *testing.T) {
	p := newProject(t)
	old, next := p.push("live", "1", ""), p.push("next", "2", "crash")
	p.up("web", 1, old, always)
	p.killEverywhere(old, next, old, false)
}

func (p *project) killEverywhere(old, next, goal string, works bool) {
	t, o := p.t, cloud.Options{Monitor: 50 * time.Millisecond, Timeout: 10 * time.Second}
	first := o
	if !works { // a slow machine takes its time to crash, and who has crashed is not watched any longer
		first.Monitor = 8 * time.Second
	}
	networks := len(p.all()[0].NetworkSettings.Networks)
	for calls := 1; ; calls++ {
		engine := &mortal{APIClient: p.engine, left: calls}
		err := compose.New(engine, p.name, nil).Update(t.Context(), "web", next, first, flow.Silent{})
		if engine.left > 0 {
			if works != (err == nil) {
				t.Errorf("nobody killed it: %v", err)
			}
			if calls < 8 {
				t.Errorf("only %d calls were killed", calls)
			}
			return
		}
		p.onlyOneServes(engine.last)
		if err := p.stack.Update(t.Context(), "web", goal, o, flow.Silent{}); err != nil {
			t.Errorf("then the same again: %v", err)
		}
		p.is("web", goal, 1)
		if c := p.all()[0]; len(c.NetworkSettings.Networks) != networks || !c.HostConfig.RestartPolicy.IsAlways() {
			t.Errorf("networks %v, want %d; %+v", c.NetworkSettings.Networks, networks, c.HostConfig.RestartPolicy)
		}
		if t.Failed() {
			t.Fatalf("killed after call %d, %s", calls, engine.last)
		}
		if goal == next { // from here to where it came from, the next time
			old, next, goal = next, old, old
		}
	}
}

func (p *project) onlyOneServes(where string) {
	p.t.Helper()
	running := 0
	for _, c := range p.all() {
		if c.State.Running {
			running++
		}
	}
	if running > 1 {
		p.t.Errorf("killed after %s: %d containers serve", where, running)
	}
	if s := p.service("web"); s.Containers != 1 {
		p.t.Errorf("killed after %s: %+v", where, s)
	}
}
