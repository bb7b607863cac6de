package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"
)

// live starts the release's stack, as on a server of its own: stack.yml, with an .env beside it.
func (w *World) live(ctx context.Context) error {
	if err := os.Mkdir(w.server(), 0o700); err != nil {
		return err
	}
	file, err := w.Git(ctx, "show", Release+":stack.yml")
	if err != nil {
		return err
	}
	for name, content := range map[string]string{"stack.yml": file, ".env": strings.Join(w.serverEnv(), "\n")} {
		if err := os.WriteFile(filepath.Join(w.server(), name), []byte(content+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := w.up(ctx); err != nil {
		return fmt.Errorf("start the live stack: %w", err)
	}
	return w.migrate(ctx)
}

// server is where the server keeps its stack.
func (w *World) server() string { return w.path("server") }

func (w *World) serverEnv() []string {
	return []string{"REGISTRY=" + w.Registry.Host, "COMMITSHA=" + w.SHA, "WEB_PORT=" + w.webPort, "DB_PASSWORD=" + w.password}
}

// migrate makes the databases.
func (w *World) migrate(ctx context.Context) error {
	for _, data := range []string{"example", "foo"} {
		if _, err := w.Exec(ctx, "phpfiles", []string{"DATA=" + data}, "bin/migrate.sh"); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) up(ctx context.Context) error {
	docker, err := dockerCLI()
	if err != nil {
		return err
	}
	service, err := compose.NewComposeService(docker)
	if err != nil {
		return err
	}
	project, err := service.LoadProject(ctx, api.ProjectLoadOptions{
		ProjectName: w.Stack, WorkingDir: w.server(), ConfigPaths: []string{filepath.Join(w.server(), "stack.yml")}, Offline: true,
		ProjectOptionsFns: []cli.ProjectOptionsFn{cli.WithEnv(w.serverEnv())},
	})
	if err != nil {
		return err
	}
	for name, service := range project.Services {
		service.Labels = service.Labels.Add(Label, w.ID)
		project.Services[name] = service
	}
	return service.Up(ctx, project, api.UpOptions{
		Create: api.CreateOptions{QuietPull: true},
		Start:  api.StartOptions{Project: project, Wait: true, WaitTimeout: 2 * time.Minute},
	})
}

// A place is a container of the live stack, and the engine that has it.
type place struct {
	engine    client.APIClient
	container string
}

// places are where the containers of a service run: a compose project has one of each.
func (w *World) places(ctx context.Context, service string) (all []place, err error) {
	engines := []client.APIClient{w.Engine}
	filters := make(client.Filters).Add("label", api.ProjectLabel+"="+w.Stack, api.ServiceLabel+"="+service, api.OneoffLabel+"=False")
	if w.cluster != nil {
		engines = nil
		for _, n := range w.cluster.Nodes {
			engines = append(engines, n.Engine)
		}
		filters = make(client.Filters).Add("label", "com.docker.swarm.service.name="+w.Stack+"_"+service)
	}
	for _, engine := range engines {
		found, err := engine.ContainerList(ctx, client.ContainerListOptions{Filters: filters})
		if err != nil {
			return nil, err
		}
		for _, c := range found.Items {
			all = append(all, place{engine, c.ID})
		}
	}
	if len(all) == 0 || w.cluster == nil && len(all) != 1 {
		return nil, fmt.Errorf("service %s of %s has %d running containers, not one", service, w.Stack, len(all))
	}
	return all, nil
}

// place returns where a service of the live stack runs, or one of its containers.
func (w *World) place(ctx context.Context, service string) (place, error) {
	all, err := w.places(ctx, service)
	if err != nil {
		return place{}, err
	}
	return all[0], nil
}

// Exec runs a command in a service of the live stack and returns what it says.
func (w *World) Exec(ctx context.Context, service string, env []string, command ...string) (string, error) {
	at, err := w.place(ctx, service)
	if err != nil {
		return "", err
	}
	options := client.ExecCreateOptions{Cmd: command, Env: env, AttachStdout: true, AttachStderr: true}
	created, err := at.engine.ExecCreate(ctx, at.container, options)
	if err != nil {
		return "", err
	}
	attached, err := at.engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", err
	}
	defer attached.Close()
	var output bytes.Buffer
	if _, err := stdcopy.StdCopy(&output, &output, attached.Reader); err != nil {
		return "", err
	}
	ended, err := at.engine.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	if err == nil && ended.ExitCode != 0 {
		err = fmt.Errorf("%s in %s: exit %d: %s", strings.Join(command, " "), service, ended.ExitCode, output.String())
	}
	return output.String(), err
}
