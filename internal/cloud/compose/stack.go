// Package compose patches a compose project through the engine that it runs on. No compose file is needed there: a
// container is made again from its own settings.
package compose

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// Labels that compose puts on its containers.
const (
	labelProject = "com.docker.compose.project"
	labelService = "com.docker.compose.service"
	labelOneOff  = "com.docker.compose.oneoff"
	labelImage   = "com.docker.compose.image"
)

// Auth returns the credentials for a repository as the engine wants them (the value of X-Registry-Auth), or
// nothing where none are known.
type Auth func(ctx context.Context, repository string) (string, error)

// Stack is one compose project on one engine.
type Stack struct {
	engine  client.APIClient
	project string
	auth    Auth
}

var _ cloud.Stack = (*Stack)(nil)

// New returns the project of this name on that engine. auth may be nil.
func New(engine client.APIClient, project string, auth Auth) *Stack {
	return &Stack{engine: engine, project: project, auth: auth}
}

// Place implements cloud.Stack.
func (s *Stack) Place() string {
	return "compose project " + s.project + " on " + s.engine.DaemonHost()
}

// containers returns the project's containers, or one service's, stopped ones too, without one-offs.
func (s *Stack) containers(ctx context.Context, service string) ([]container.InspectResponse, error) {
	filters := client.Filters{}.Add("label", labelProject+"="+s.project)
	if service != "" {
		filters.Add("label", labelService+"="+service)
	}
	list, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, s.reach("list the containers", err)
	}
	list.Items = slices.DeleteFunc(list.Items, func(c container.Summary) bool {
		return strings.EqualFold(c.Labels[labelOneOff], "true") || c.Labels[labelJob] != ""
	})
	all, err := s.inspect(ctx, list.Items)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, s.missing(ctx, service)
	}
	slices.SortFunc(all, func(a, b container.InspectResponse) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// inspect looks at containers, at several at once: an engine may be far away.
func (s *Stack) inspect(ctx context.Context, list []container.Summary) ([]container.InspectResponse, error) {
	found := make([]container.InspectResponse, len(list))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, item := range list {
		group.Go(func() error {
			c, err := s.engine.ContainerInspect(ctx, item.ID, client.ContainerInspectOptions{})
			if err != nil && !errdefs.IsNotFound(err) {
				return s.reach("inspect "+item.ID, err)
			}
			found[i] = c.Container
			return nil
		})
	}
	err := group.Wait()
	return slices.DeleteFunc(found, func(c container.InspectResponse) bool { return c.ID == "" }), err // removed since
}

// missing says that the project, or its service, is not there, and what is.
func (s *Stack) missing(ctx context.Context, service string) error {
	if service != "" {
		return flow.Refuse(fmt.Errorf("there is no service %q in %s", service, s.Place()), "see `hotfix status` for its services")
	}
	list, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: client.Filters{}.Add("label", labelProject)})
	if err != nil {
		return s.reach("list the containers", err)
	}
	projects := map[string]bool{}
	for _, c := range list.Items {
		projects[c.Labels[labelProject]] = true
	}
	hint := "no compose project runs there: correct the stack's `context` or `host` in hotfix.yml"
	if len(projects) > 0 {
		names := strings.Join(slices.Sorted(maps.Keys(projects)), ", ")
		hint = "the projects there are " + names + ": correct the stack's `name` in hotfix.yml"
	}
	return flow.Refuse(fmt.Errorf("there is no %s", s.Place()), hint)
}

// reach explains an error of the engine; one that can't be reached gets the remedy.
func (s *Stack) reach(doing string, err error) error {
	if !client.IsErrConnectionFailed(err) {
		return fmt.Errorf("%s in %s: %w", doing, s.Place(), err)
	}
	return flow.Hint(fmt.Errorf("the engine at %s can't be reached: %w", s.engine.DaemonHost(), err),
		"try `docker -H "+s.engine.DaemonHost()+" version`; the stack's `context` or `host` in hotfix.yml says where it is")
}
