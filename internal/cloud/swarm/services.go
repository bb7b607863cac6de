package swarm

import (
	"context"
	"slices"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
)

// Services implements cloud.Stack.
func (s *Stack) Services(ctx context.Context) ([]cloud.Service, error) {
	all, err := s.services(ctx)
	if err != nil {
		return nil, err
	}
	var services []cloud.Service
	for _, one := range all {
		now, err := s.describe(ctx, one)
		if err != nil {
			return nil, err
		}
		services = append(services, now)
	}
	return services, nil
}

// describe returns one service as the phases see it. A task that the engine counts as running is healthy: until its
// healthcheck has passed it is starting, and when it fails it ends.
func (s *Stack) describe(ctx context.Context, one swarm.Service) (cloud.Service, error) {
	tasks, err := s.tasks(ctx, one)
	if err != nil {
		return cloud.Service{}, err
	}
	spec := one.Spec
	c := cloud.Service{Name: s.short(one), Image: spec.TaskTemplate.ContainerSpec.Image}
	c.Repository, c.Tag, c.Digest = parts(c.Image)
	c.Labels = s.images.of(ctx, c.Image).labels
	current := serving(tasks)
	c.Containers = current.wanted(spec)
	c.Running = current.running()
	c.Healthy = c.Running
	order, why := s.order(ctx, one, c.Image)
	c.Detail = "updated " + string(order) + why
	switch {
	case c.Digest == "":
		c.Detail = "it was deployed without a digest: every node runs what it had under that tag"
	case !current.all(func(t swarm.Task) bool { return digestOf(t.Spec.ContainerSpec.Image) == c.Digest }):
		c.Digest, c.Detail = "", "its tasks run different images"
	}
	if what := unfinished(one); what != "" {
		c.Interrupted, c.Detail = true, what
	}
	return c, nil
}

// unfinished says what was begun on a service and has no end, or nothing.
func unfinished(one swarm.Service) string {
	if paused(one) {
		return "an update of it was paused"
	}
	switch state(one) {
	case swarm.UpdateStateUpdating:
		return "an update of it is going on"
	case swarm.UpdateStateRollbackStarted:
		return "the engine is taking an update of it back"
	case swarm.UpdateStatePaused, swarm.UpdateStateRollbackPaused:
		return "an update of it is paused: " + one.UpdateStatus.Message
	}
	if one.Spec.Labels[labelBefore] != "" {
		return "an update of it was interrupted"
	}
	return ""
}

func state(one swarm.Service) swarm.UpdateState {
	if one.UpdateStatus == nil {
		return ""
	}
	return one.UpdateStatus.State
}

// slots are a service's places with the tasks that are to run in each: two while it is updated start-first.
type slots map[place][]swarm.Task

// A place is a number, or a node where the service is global.
type place struct {
	slot int
	node string
}

func placeOf(t swarm.Task) place {
	if t.Slot == 0 {
		return place{node: t.NodeID}
	}
	return place{slot: t.Slot}
}

// serving sorts the tasks that are to run into their places.
func serving(tasks []swarm.Task) slots {
	all := slots{}
	for _, t := range tasks {
		if wanted(t) {
			all[placeOf(t)] = append(all[placeOf(t)], t)
		}
	}
	return all
}

// wanted tells whether a task is to run, or to get there.
func wanted(t swarm.Task) bool {
	return t.Spec.ContainerSpec != nil && (t.DesiredState == swarm.TaskStateRunning || t.DesiredState == swarm.TaskStateReady)
}

// wanted is how many containers there should be.
func (s slots) wanted(spec swarm.ServiceSpec) int {
	if r := spec.Mode.Replicated; r != nil {
		if r.Replicas == nil {
			return 1
		}
		return int(*r.Replicas)
	}
	return len(s)
}

// running is how many places have a task that runs.
func (s slots) running() int {
	n := 0
	for _, tasks := range s {
		if slices.ContainsFunc(tasks, runs) {
			n++
		}
	}
	return n
}

func runs(t swarm.Task) bool { return t.Status.State == swarm.TaskStateRunning }

// all tells whether every task that is to run is as asked.
func (s slots) all(is func(swarm.Task) bool) bool {
	for _, tasks := range s {
		if slices.ContainsFunc(tasks, func(t swarm.Task) bool { return !is(t) }) {
			return false
		}
	}
	return true
}

// since is from when on all of them have run; zero where one does not.
func (s slots) since() (last time.Time) {
	for _, tasks := range s {
		for _, t := range tasks {
			if !runs(t) {
				return time.Time{}
			}
			if t.Status.Timestamp.After(last) {
				last = t.Status.Timestamp
			}
		}
	}
	return last
}
