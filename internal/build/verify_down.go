package build

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// stopping is how long a service of ours has to stop: not at all, its data go with it.
const stopping time.Duration = 0

// down removes everything of this project: containers, networks, volumes, but not images. What bears the
// project's name and not our label is someone else's: nothing is removed then.
func (c *composition) down(ctx context.Context) error {
	var left []string
	for range 3 { // a container whose creation was interrupted may appear late
		ours, foreign, err := c.resources(ctx)
		if err != nil {
			return err
		}
		if len(foreign) > 0 {
			return flow.Hint(fmt.Errorf("compose project %s exists and is not hotfix's: %s", c.name, strings.Join(foreign, ", ")),
				"remove it, or rename it: docker compose -p "+c.name+" down")
		}
		if left = ours; len(left) == 0 {
			return nil
		}
		grace := stopping
		if err := c.api.Down(ctx, c.name, api.DownOptions{RemoveOrphans: true, Volumes: true, Timeout: &grace}); err != nil {
			return fmt.Errorf("take %s down: %w", c.name, err)
		}
	}
	if left, _, err := c.resources(ctx); err != nil || len(left) == 0 {
		return err
	}
	return flow.Hint(fmt.Errorf("take %s down: still there: %s", c.name, strings.Join(left, ", ")), "docker compose -p "+c.name+" down -v")
}

// resources lists what bears the project's name: what we made, and what we did not.
func (c *composition) resources(ctx context.Context) (ours, foreign []string, err error) {
	named := make(client.Filters).Add("label", api.ProjectLabel+"="+c.name)
	sort := func(kind, name string, labels map[string]string) {
		if labels[verifyLabel] == c.name {
			ours = append(ours, kind+" "+name)
		} else {
			foreign = append(foreign, kind+" "+name)
		}
	}
	containers, err := c.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: named})
	if err != nil {
		return nil, nil, fmt.Errorf("list containers: %w", err)
	}
	for _, container := range containers.Items {
		sort("container", containerName(container.Names), container.Labels)
	}
	networks, err := c.engine.NetworkList(ctx, client.NetworkListOptions{Filters: named})
	if err != nil {
		return nil, nil, fmt.Errorf("list networks: %w", err)
	}
	for _, network := range networks.Items {
		sort("network", network.Name, network.Labels)
	}
	volumes, err := c.engine.VolumeList(ctx, client.VolumeListOptions{Filters: named})
	if err != nil {
		return nil, nil, fmt.Errorf("list volumes: %w", err)
	}
	for _, volume := range volumes.Items {
		sort("volume", volume.Name, volume.Labels)
	}
	return ours, foreign, nil
}

func containerName(names []string) string {
	if len(names) == 0 {
		return "without a name"
	}
	return strings.TrimPrefix(names[0], "/")
}
