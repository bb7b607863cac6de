package swarm

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
)

// pausing is the delay between two tasks that stops an update. The engine has no word for a pause: it knows one only
// for an update that has failed. So a task or two may still be replaced, and then nothing more until the delay is gone.
const pausing = 1000 * time.Hour

var _ cloud.Leaver = (*Stack)(nil)

// Going implements cloud.Leaver.
func (s *Stack) Going(ctx context.Context, service string) (string, bool, error) {
	one, err := s.service(ctx, service)
	if err != nil {
		return "", false, err
	}
	switch state(one) {
	case swarm.UpdateStateRollbackStarted:
		return "the engine goes on taking the update of " + service + " back", false, nil
	case swarm.UpdateStateUpdating:
		tasks, err := s.tasks(ctx, one)
		if err != nil {
			return "", false, err
		}
		current := serving(tasks)
		there := current.count(func(t swarm.Task) bool { return runs(t) && fits(t, one.Spec.TaskTemplate) })
		what := fmt.Sprintf("the engine goes on updating %s, %d of %d replaced; it takes the update back if it fails", service, there, current.wanted(one.Spec))
		return what, !paused(one) && current.wanted(one.Spec)-there > 1, nil
	}
	if one.Spec.Labels[labelBefore] == "" {
		return "", false, nil
	}
	return service + " is updated, and nobody has seen yet whether it stays well", false, nil
}

// fits tells whether a task is as the spec wants it.
func fits(t swarm.Task, spec swarm.TaskSpec) bool {
	return t.Spec.ContainerSpec != nil && t.Spec.ContainerSpec.Image == spec.ContainerSpec.Image && t.Spec.ForceUpdate == spec.ForceUpdate
}

// Pause implements cloud.Leaver. From here on the engine would go back to the half-way spec, so it is told to stop
// where something fails; whoever takes the update up also takes it back.
func (s *Stack) Pause(ctx context.Context, service string) error {
	return s.delay(ctx, service, pausing)
}

// resume lets a paused update go on with the delay that the service had before.
func (u *update) resume(ctx context.Context) error {
	var before time.Duration
	if u.before.Update != nil {
		before = u.before.Update.Delay
	}
	return u.delay(ctx, u.name, before)
}

func (s *Stack) delay(ctx context.Context, service string, to time.Duration) error {
	one, err := s.service(ctx, service)
	if err != nil {
		return err
	}
	u := &update{Stack: s, name: service, id: one.ID}
	return u.change(ctx, "", func(spec *swarm.ServiceSpec) error {
		config := swarm.UpdateConfig{}
		if spec.UpdateConfig != nil {
			config = *spec.UpdateConfig
		}
		config.Delay, config.FailureAction = to, swarm.UpdateFailureActionPause
		spec.UpdateConfig = &config
		return nil
	})
}

// paused tells whether somebody has paused an update of the service.
func paused(one swarm.Service) bool {
	return one.Spec.UpdateConfig != nil && one.Spec.UpdateConfig.Delay == pausing
}
