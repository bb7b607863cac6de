package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// oneOff runs a command in a container of its own, made like the service's: what `docker compose run --rm
// --no-deps` does. compose's own call for it takes over the process's signals, so it is not used.
func (c *composition) oneOff(ctx context.Context, command Command, user string, env map[string]string) error {
	service, err := c.project.GetService(command.In)
	if err != nil {
		return flow.Refuse(fmt.Errorf("run %s: %w", command.words(), err), "see the services there are: docker compose config --services")
	}
	name := service.Name + "-run"
	project, err := c.project.WithSelectedServices([]string{service.Name}, types.IgnoreDependencies)
	if err != nil {
		return err
	}
	project.Services = types.Services{name: c.single(service, name, command.Run, user, env)}
	defer c.remove(ctx, name)
	if err := c.start(ctx, project, api.StartOptions{}); err != nil {
		return fmt.Errorf("run %s: %w", command.words(), err)
	}
	found, err := c.containers(ctx, name)
	if err != nil || len(found) == 0 {
		return errors.Join(err, fmt.Errorf("run %s: its container is gone", command.words()))
	}
	if err := follow(ctx, c.engine, found[0].ID, c.report); err != nil {
		return fmt.Errorf("run %s: %w", command.words(), err)
	}
	return nil
}

// single is a service reduced to one run of one command.
func (c *composition) single(service types.ServiceConfig, name string, command []string, user string, env map[string]string) types.ServiceConfig {
	one := 1
	service.Name, service.Scale, service.Restart, service.Deploy = name, &one, "", nil
	service.Command, service.Ports, service.DependsOn, service.Tty, service.StdinOpen = command, nil, nil, false, false
	service.HealthCheck = &types.HealthCheckConfig{Disable: true}
	service.Logging = &types.LoggingConfig{Driver: "json-file"} // read back, whatever the engine's default is
	service.CustomLabels = maps.Clone(service.CustomLabels)
	service.CustomLabels[api.ServiceLabel] = name
	service.Environment = maps.Clone(service.Environment)
	if service.Environment == nil {
		service.Environment = types.MappingWithEquals{}
	}
	for key, value := range env {
		service.Environment[key] = &value
	}
	if user != "" {
		service.User = user
		home := "/tmp" // the caller has no home in the image
		if service.Environment["HOME"] == nil {
			service.Environment["HOME"] = &home
		}
	}
	return service
}

func (c *composition) containers(ctx context.Context, services ...string) ([]container.Summary, error) {
	found, err := c.engine.ContainerList(ctx, client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", verifyLabel+"="+c.name),
	})
	if err != nil {
		return nil, fmt.Errorf("list containers: %w", err)
	}
	return slices.DeleteFunc(found.Items, func(s container.Summary) bool {
		return len(services) > 0 && !slices.Contains(services, s.Labels[api.ServiceLabel])
	}), nil
}

func (c *composition) remove(ctx context.Context, service string) {
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	found, err := c.containers(ctx, service)
	for _, one := range found {
		_, failed := c.engine.ContainerRemove(ctx, one.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		err = errors.Join(err, failed)
	}
	if err != nil { // taking the stack down tries again, and its failure is told
		fmt.Fprintf(c.report, "remove the container of %s: %v\n", service, err)
	}
}

// follow copies what a container writes until it has ended, and returns an error with its last lines where its
// exit code is not 0.
func follow(ctx context.Context, engine client.APIClient, id string, out io.Writer) error {
	logs, err := engine.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Follow: true})
	if err != nil {
		return fmt.Errorf("read its output: %w", err)
	}
	defer logs.Close()
	last := &lastLines{}
	if _, err := stdcopy.StdCopy(io.MultiWriter(out, last), io.MultiWriter(out, last), logs); err != nil {
		return errors.Join(ctx.Err(), fmt.Errorf("read its output: %w", err))
	}
	wait := engine.ContainerWait(ctx, id, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	select {
	case err := <-wait.Error:
		return fmt.Errorf("wait for it: %w", err)
	case ended := <-wait.Result:
		return exited(int(ended.StatusCode), last)
	}
}

func exited(code int, last *lastLines) error {
	if code == 0 {
		return nil
	}
	return errors.New(strings.TrimSuffix("exit code "+strconv.Itoa(code)+"\n"+last.String(), "\n"))
}

// lastLines keeps the end of what is written to it.
type lastLines struct{ kept []byte }

// Write implements io.Writer.
func (l *lastLines) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p...)
	if extra := len(l.kept) - 4096; extra > 0 {
		l.kept = append([]byte(nil), l.kept[extra:]...)
	}
	return len(p), nil
}

// String returns the last ten lines.
func (l *lastLines) String() string {
	lines := strings.Split(strings.TrimRight(string(l.kept), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
