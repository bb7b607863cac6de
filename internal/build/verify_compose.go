package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/docker/compose/v5/pkg/compose"
	"github.com/moby/moby/client"
	"github.com/sirupsen/logrus"

	"hotfix/internal/flow"
)

// A composition is one compose project of ours on the local engine.
type composition struct {
	name    string
	api     api.Compose
	engine  client.APIClient
	project *types.Project // what is used of the compose files, isolated; nil until loaded
	report  flow.Report
}

// newComposition also returns a function that gives the process's log back: compose warns through a global one.
func newComposition(engine client.APIClient, name string, report flow.Report) (*composition, func(), error) {
	library, err := newCompose(engine, report)
	if err != nil {
		return nil, nil, err
	}
	before := logrus.StandardLogger().Out
	logrus.SetOutput(report)
	return &composition{name: name, api: library, engine: engine, report: report}, func() { logrus.SetOutput(before) }, nil
}

// newCompose returns compose's own library, made to talk to out alone.
func newCompose(engine client.APIClient, out io.Writer) (api.Compose, error) {
	docker, err := command.NewDockerCli(command.WithAPIClient(engine), command.WithCombinedStreams(out),
		command.WithInputStream(io.NopCloser(strings.NewReader(""))))
	if err != nil {
		return nil, fmt.Errorf("set compose up: %w", err)
	}
	options := flags.NewClientOptions()
	options.Hosts = []string{engine.DaemonHost()} // the engine is given; the user's docker context is not asked
	if err := docker.Initialize(options); err != nil {
		return nil, fmt.Errorf("set compose up: %w", err)
	}
	never := func(string, bool) (bool, error) { return false, nil }
	library, err := compose.NewComposeService(docker, compose.WithPrompt(never), compose.WithEventProcessor(&events{out: out, last: map[string]string{}}))
	if err != nil {
		return nil, fmt.Errorf("set compose up: %w", err)
	}
	return library, nil
}

// load reads the compose files as they are in dir. Every profile is on: services are chosen by name.
func (c *composition) load(ctx context.Context, dir string, files []string, env map[string]string) error {
	var paths []string
	for _, file := range files {
		paths = append(paths, filepath.Join(dir, file))
	}
	if len(paths) == 0 {
		if paths = defaultFiles(dir); len(paths) == 0 {
			return flow.Refuse(fmt.Errorf("there is no compose file in %s", dir), "name it under verify: compose-files: in hotfix.yml")
		}
	}
	var set []string
	for name, value := range env {
		set = append(set, name+"="+value)
	}
	project, err := c.api.LoadProject(ctx, api.ProjectLoadOptions{
		ProjectName: c.name, WorkingDir: dir, ConfigPaths: paths, Profiles: []string{"*"}, All: true, Offline: true,
		ProjectOptionsFns: []cli.ProjectOptionsFn{cli.WithEnv(set)},
	})
	if err != nil {
		return flow.Refuse(fmt.Errorf("read the compose files: %w", err), "see what compose makes of them: docker compose config")
	}
	c.project = project
	return nil
}

// unprofiled are the services that compose starts when it is told none.
func (c *composition) unprofiled() []string {
	var names []string
	for name, service := range c.project.Services {
		if len(service.Profiles) == 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// dependencies are what a service depends on, directly or not.
func (c *composition) dependencies(service string) []string {
	needed, err := c.project.WithSelectedServices([]string{service})
	if err != nil {
		return nil // an unknown service is told where it is used
	}
	return slices.DeleteFunc(needed.ServiceNames(), func(name string) bool { return name == service })
}

// defaultFiles are what compose takes when it is told none.
func defaultFiles(dir string) []string {
	var found []string
	for _, names := range [][]string{cli.DefaultFileNames, cli.DefaultOverrideFileNames} {
		for _, name := range names {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				found = append(found, filepath.Join(dir, name))
				break
			}
		}
		if len(found) == 0 {
			return nil
		}
	}
	return found
}

// up creates and starts services and what they depend on, and waits until they are healthy. Asleep are services
// that are not started themselves: what they depend on is, in the condition that they ask for.
func (c *composition) up(ctx context.Context, services, asleep []string, wait time.Duration) error {
	project, err := c.project.WithSelectedServices(slices.Concat(services, asleep))
	if err != nil {
		return err
	}
	awake, err := c.project.WithSelectedServices(services)
	if err != nil {
		return err
	}
	for _, name := range asleep {
		if _, starts := awake.Services[name]; len(services) > 0 && starts {
			continue
		}
		none, service := 0, project.Services[name]
		service.Scale, service.Deploy = &none, nil
		project.Services[name] = service
	}
	err = c.start(ctx, project, api.StartOptions{Wait: true, WaitTimeout: wait})
	if err != nil && strings.Contains(err.Error(), "exited (0)") {
		return flow.Hint(err, "if it is meant to end, let a service depend on it with condition: service_completed_successfully")
	}
	return err
}

func (c *composition) start(ctx context.Context, project *types.Project, start api.StartOptions) error {
	start.Project = project
	err := c.api.Up(ctx, project, api.UpOptions{
		Create: api.CreateOptions{Recreate: api.RecreateDiverged, RecreateDependencies: api.RecreateNever, IgnoreOrphans: true, QuietPull: true},
		Start:  start,
	})
	if ctx.Err() != nil { // compose's wait returns no error when it is cancelled
		return ctx.Err()
	}
	return err
}

// build makes the images that the compose files build, under names of ours: a running stack keeps its own.
func (c *composition) build(ctx context.Context) error {
	if len(c.project.ServicesWithBuild()) == 0 {
		return nil
	}
	if err := c.api.Build(ctx, c.project, api.BuildOptions{Progress: "plain", Out: c.report}); err != nil {
		return fmt.Errorf("build the images of the compose file: %w", err)
	}
	for name, service := range c.project.Services {
		if service.Build != nil {
			service.Build, service.PullPolicy = nil, types.PullPolicyNever
			c.project.Services[name] = service
		}
	}
	return nil
}

// events turns what compose does into lines of output. It says some things twice.
type events struct {
	out  io.Writer
	mu   sync.Mutex
	last map[string]string // by resource
}

// Start implements api.EventProcessor.
func (*events) Start(context.Context, string) {}

// Done implements api.EventProcessor.
func (*events) Done(string, bool) {}

// On implements api.EventProcessor.
func (e *events) On(resources ...api.Resource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range resources {
		line := strings.TrimSpace(strings.Join([]string{r.ID, r.Text, r.Details}, " "))
		if r.Status != api.Working && r.ParentID == "" && e.last[r.ID] != line {
			e.last[r.ID] = line
			fmt.Fprintln(e.out, line)
		}
	}
}
