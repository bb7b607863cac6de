package swarm

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud/inside"
	"hotfix/internal/flow"
)

// Exec implements cloud.Stack.
func (s *Stack) Exec(ctx context.Context, service string, command []string, w io.Writer) (int, error) {
	at, err := s.container(ctx, service)
	if err != nil {
		return 0, err
	}
	defer at.close()
	exit, err := inside.Exec(ctx, at.engine, at.id, command, w)
	if err != nil {
		return 0, fmt.Errorf("run a command in %s on %s: %w", service, at.node, err)
	}
	return exit, nil
}

// Shell implements cloud.Stack.
func (s *Stack) Shell(ctx context.Context, service string, command []string, in, out *os.File) (int, error) {
	at, err := s.container(ctx, service)
	if err != nil {
		return 0, err
	}
	defer at.close()
	exit, err := inside.Shell(ctx, at.engine, at.id, command, in, out)
	if err != nil {
		return 0, fmt.Errorf("open a shell in %s on %s: %w", service, at.node, err)
	}
	return exit, nil
}

// A where is a container, and the engine that has it: a manager passes no command on to another node.
type where struct {
	engine client.APIClient
	id     string
	node   string
	close  func()
}

// container returns a container of the service that runs, rather on the node of our engine than on another, and
// rather of what it should run than of what is being replaced.
func (s *Stack) container(ctx context.Context, service string) (*where, error) {
	one, err := s.service(ctx, service)
	if err != nil {
		return nil, err
	}
	tasks, err := s.tasks(ctx, one)
	if err != nil {
		return nil, err
	}
	info, err := s.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return nil, s.reach("ask which node it is", err)
	}
	here := info.Info.Swarm.NodeID
	best, most := swarm.Task{}, -1
	for _, t := range tasks {
		started := t.Status.ContainerStatus != nil && t.Status.ContainerStatus.ContainerID != ""
		if !wanted(t) || !started || !runs(t) && t.Status.State != swarm.TaskStateStarting {
			continue
		}
		score := 0
		for i, good := range []bool{t.NodeID == here, runs(t), t.Spec.ContainerSpec.Image == one.Spec.TaskTemplate.ContainerSpec.Image} {
			if good {
				score += 1 << i
			}
		}
		if score > most {
			best, most = t, score
		}
	}
	if most < 0 {
		return nil, fmt.Errorf("no container of %s is running in %s", service, s.Place())
	}
	at := &where{engine: s.engine, id: best.Status.ContainerStatus.ContainerID, node: s.nodeName(ctx, best.NodeID), close: func() {}}
	if best.NodeID == here {
		return at, nil
	}
	return at, s.elsewhere(ctx, service, at)
}

// elsewhere connects to the engine of another node, through the context that is named like it.
func (s *Stack) elsewhere(ctx context.Context, service string, at *where) error {
	remedy := fmt.Sprintf("docker context create %s --docker host=ssh://USER@%s, and try again", at.node, at.node)
	if s.Node == nil {
		return flow.Hint(fmt.Errorf("%s runs on node %s, and only that node's engine can run a command in it", service, at.node), remedy)
	}
	engine, err := s.Node(at.node)
	if err != nil {
		return flow.Hint(fmt.Errorf("%s runs on node %s, and there is no docker context of that name: %w", service, at.node, err), remedy)
	}
	if _, err := engine.ContainerInspect(ctx, at.id, client.ContainerInspectOptions{}); err != nil {
		_ = engine.Close()
		return flow.Hint(fmt.Errorf("the engine of the docker context %s does not have %s's container: %w", at.node, service, err),
			"docker context inspect "+at.node)
	}
	at.engine, at.close = engine, func() { _ = engine.Close() }
	return nil
}
