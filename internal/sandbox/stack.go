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
	server := w.path("server")
	if err := os.Mkdir(server, 0o700); err != nil {
		return err
	}
	file, err := w.Git(ctx, "show", Release+":stack.yml")
	if err != nil {
		return err
	}
	env := []string{"REGISTRY=" + w.Registry.Host, "COMMITSHA=" + w.SHA, "WEB_PORT=" + w.webPort, "DB_PASSWORD=" + w.password}
	for name, content := range map[string]string{"stack.yml": file, ".env": strings.Join(env, "\n")} {
		if err := os.WriteFile(filepath.Join(server, name), []byte(content+"\n"), 0o600); err != nil {
			return err
		}
	}
	if err := w.up(ctx, server, env); err != nil {
		return fmt.Errorf("start the live stack: %w", err)
	}
	for _, data := range []string{"example", "foo"} {
		if _, err := w.Exec(ctx, "phpfiles", []string{"DATA=" + data}, "bin/migrate.sh"); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) up(ctx context.Context, server string, env []string) error {
	docker, err := dockerCLI()
	if err != nil {
		return err
	}
	service, err := compose.NewComposeService(docker)
	if err != nil {
		return err
	}
	project, err := service.LoadProject(ctx, api.ProjectLoadOptions{
		ProjectName: w.Stack, WorkingDir: server, ConfigPaths: []string{filepath.Join(server, "stack.yml")}, Offline: true,
		ProjectOptionsFns: []cli.ProjectOptionsFn{cli.WithEnv(env)},
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

// container returns the id of the container that a service of the live stack runs in.
func (w *World) container(ctx context.Context, service string) (string, error) {
	filters := make(client.Filters).Add("label", api.ProjectLabel+"="+w.Stack, api.ServiceLabel+"="+service, api.OneoffLabel+"=False")
	found, err := w.Engine.ContainerList(ctx, client.ContainerListOptions{Filters: filters})
	if err != nil {
		return "", err
	}
	if len(found.Items) != 1 {
		return "", fmt.Errorf("service %s of %s has %d running containers, not one", service, w.Stack, len(found.Items))
	}
	return found.Items[0].ID, nil
}

// Exec runs a command in a service of the live stack and returns what it says.
func (w *World) Exec(ctx context.Context, service string, env []string, command ...string) (string, error) {
	container, err := w.container(ctx, service)
	if err != nil {
		return "", err
	}
	options := client.ExecCreateOptions{Cmd: command, Env: env, AttachStdout: true, AttachStderr: true}
	created, err := w.Engine.ExecCreate(ctx, container, options)
	if err != nil {
		return "", err
	}
	attached, err := w.Engine.ExecAttach(ctx, created.ID, client.ExecAttachOptions{})
	if err != nil {
		return "", err
	}
	defer attached.Close()
	var output bytes.Buffer
	if _, err := stdcopy.StdCopy(&output, &output, attached.Reader); err != nil {
		return "", err
	}
	ended, err := w.Engine.ExecInspect(ctx, created.ID, client.ExecInspectOptions{})
	if err == nil && ended.ExitCode != 0 {
		err = fmt.Errorf("%s in %s: exit %d: %s", strings.Join(command, " "), service, ended.ExitCode, output.String())
	}
	return output.String(), err
}
