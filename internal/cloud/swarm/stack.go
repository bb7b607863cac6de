// Package swarm patches a stack on a swarm through one of its managers. The engine does the updating, and takes back
// what fails, also when hotfix is gone; hotfix says what, watches, and judges.
package swarm

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// labelStack is what `docker stack deploy` puts on its services; labelJob is the key of a one-off job.
const (
	labelStack = "com.docker.stack.namespace"
	labelJob   = "hotfix.job"
)

// Config is what a stack is reached with, and how it is updated.
type Config struct {
	// Auth returns the credentials for a repository as the engine wants them, or nothing. May be nil.
	Auth func(ctx context.Context, repository string) (string, error)
	// Image reads an image from its registry: a manager need not have it. May be nil.
	Image func(ctx context.Context, ref string) (v1.Image, error)
	// Node connects to the engine of another node, for a shell there. May be nil.
	Node func(name string) (client.APIClient, error)
	// Order is start-first or stop-first; empty: start-first where that can work.
	Order string
}

// Stack is one stack on one swarm.
type Stack struct {
	Config
	engine client.APIClient
	name   string
	images *images
}

var _ cloud.Stack = (*Stack)(nil)

// New returns the stack of this name on the swarm that the engine manages.
func New(engine client.APIClient, name string, config Config) *Stack {
	s := &Stack{Config: config, engine: engine, name: name}
	s.images = &images{stack: s, known: map[string]*image{}}
	return s
}

// Place implements cloud.Stack.
func (s *Stack) Place() string { return "swarm stack " + s.name + " on " + s.engine.DaemonHost() }

// short is a service's name without its stack's.
func (s *Stack) short(service swarm.Service) string {
	return strings.TrimPrefix(service.Spec.Name, s.name+"_")
}

// service returns one service as it is now.
func (s *Stack) service(ctx context.Context, name string) (swarm.Service, error) {
	all, err := s.services(ctx)
	if err != nil {
		return swarm.Service{}, err
	}
	for _, one := range all {
		if s.short(one) == name {
			return one, nil
		}
	}
	return swarm.Service{}, flow.Refuse(fmt.Errorf("there is no service %q in %s", name, s.Place()), "see `hotfix status` for its services")
}

// services returns what is to run on and on: jobs are left out.
func (s *Stack) services(ctx context.Context) ([]swarm.Service, error) {
	list, err := s.engine.ServiceList(ctx, client.ServiceListOptions{Filters: client.Filters{}.Add("label", labelStack+"="+s.name)})
	if err != nil {
		return nil, s.reach("list the services", err)
	}
	lasting := slices.DeleteFunc(list.Items, func(one swarm.Service) bool {
		mode := one.Spec.Mode
		return mode.ReplicatedJob != nil || mode.GlobalJob != nil || one.Spec.TaskTemplate.ContainerSpec == nil
	})
	if len(lasting) == 0 {
		return nil, s.missing(ctx)
	}
	slices.SortFunc(lasting, func(a, b swarm.Service) int { return strings.Compare(a.Spec.Name, b.Spec.Name) })
	return lasting, nil
}

// missing says that the stack is not there, and what is.
func (s *Stack) missing(ctx context.Context) error {
	list, err := s.engine.ServiceList(ctx, client.ServiceListOptions{Filters: client.Filters{}.Add("label", labelStack)})
	if err != nil {
		return s.reach("list the services", err)
	}
	stacks := map[string]bool{}
	for _, one := range list.Items {
		stacks[one.Spec.Labels[labelStack]] = true
	}
	hint := "no stack runs there: correct the stack's `context` or `host` in hotfix.yml"
	if len(stacks) > 0 {
		hint = "the stacks there are " + strings.Join(slices.Sorted(maps.Keys(stacks)), ", ") + ": correct the stack's `name` in hotfix.yml"
	}
	return flow.Refuse(fmt.Errorf("there is no %s", s.Place()), hint)
}

// tasks returns every task of a service that the swarm remembers.
func (s *Stack) tasks(ctx context.Context, service swarm.Service) ([]swarm.Task, error) {
	list, err := s.engine.TaskList(ctx, client.TaskListOptions{Filters: client.Filters{}.Add("service", service.ID)})
	if err != nil {
		return nil, s.reach("list the tasks of "+s.short(service), err)
	}
	return list.Items, nil
}

// reach explains an error of the engine; one that can't be reached, or manages nothing, gets the remedy.
func (s *Stack) reach(doing string, err error) error {
	host := s.engine.DaemonHost()
	switch {
	case client.IsErrConnectionFailed(err):
		return flow.Hint(fmt.Errorf("the engine at %s can't be reached: %w", host, err),
			"try `docker -H "+host+" version`; the stack's `context` or `host` in hotfix.yml says where it is")
	case strings.Contains(err.Error(), "not a swarm manager"):
		return flow.Hint(fmt.Errorf("the engine at %s is no swarm manager", host),
			"give the stack the `context` or `host` of a manager in hotfix.yml, or `target: compose` where there is no swarm")
	}
	return fmt.Errorf("%s in %s: %w", doing, s.Place(), err)
}
