package build

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

const (
	smokeTimeout = 5 * time.Minute
	smokeLabel   = "hotfix.smoke" // on the container, with the image's id
)

// smoke runs the image's smoke command, and nothing but it, in a container of the built image.
func smoke(ctx context.Context, engine client.APIClient, image string, spec ImageSpec, report flow.Report) (err error) {
	if len(spec.Smoke) == 0 {
		return nil
	}
	words := strings.Join(spec.Smoke, " ")
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("smoke %s in the built image: %w", words, err)
		}
	}()
	limited, cancel := context.WithTimeout(ctx, smokeTimeout)
	defer cancel()
	if err := removeSmoke(limited, engine, image); err != nil { // of a killed run
		return err
	}
	created, err := engine.ContainerCreate(limited, client.ContainerCreateOptions{
		Config: &container.Config{Image: image, Entrypoint: spec.Smoke[:1], Cmd: spec.Smoke[1:],
			Labels:      map[string]string{smokeLabel: image},
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}},
		HostConfig: &container.HostConfig{LogConfig: container.LogConfig{Type: "json-file"}},
	})
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := flow.Cleanup(ctx)
		defer cancel()
		removed := removeSmoke(ctx, engine, image)
		if err == nil {
			err = removed
		}
	}()
	start := time.Now()
	if _, err := engine.ContainerStart(limited, created.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	if err := follow(limited, engine, created.ID, report); err != nil {
		return err
	}
	report.Fact("smoke "+spec.Name+": "+words, fmt.Sprintf("exit code 0 in %.2f s", time.Since(start).Seconds()))
	return nil
}

func removeSmoke(ctx context.Context, engine client.APIClient, image string) error {
	found, err := engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", smokeLabel+"="+image),
	})
	for _, one := range found.Items {
		_, failed := engine.ContainerRemove(ctx, one.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, failed)
	}
	return err
}
