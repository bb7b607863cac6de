package swarm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// errOvertaken: somebody else updates the same service.
var errOvertaken = errors.New("somebody else has updated it meanwhile, and theirs was left alone")

// converge returns once every task is one of this update's and runs, and the engine has found nothing wrong with it
// for the monitor time. A pending task never fails: so each has to get there before our own deadline.
func (u *update) converge(ctx context.Context) error {
	deadline, most := time.Now().Add(u.Timeout+u.Monitor), 0
	var steady time.Time
	for {
		one, tasks, err := u.now(ctx)
		if err != nil {
			return err
		}
		current := serving(tasks)
		there := current.count(u.mine)
		if there > most {
			deadline, most = time.Now().Add(u.Timeout+u.Monitor), there
			u.report.Progress(u.name, int64(there), int64(current.wanted(one.Spec)))
		}
		all := there == current.wanted(one.Spec) && current.all(u.mine)
		if !all {
			steady = time.Time{}
		} else if steady.IsZero() {
			steady = time.Now()
		}
		done, err := u.verdict(ctx, one, tasks, all, steady)
		if done || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d tasks run after %v%s", there, current.wanted(one.Spec), u.Timeout, waiting(tasks, u.own))
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// verdict judges one look.
func (u *update) verdict(ctx context.Context, one swarm.Service, tasks []swarm.Task, all bool, steady time.Time) (done bool, err error) {
	spec := one.Spec.TaskTemplate
	ours := digestOf(spec.ContainerSpec.Image) == u.digest && spec.ForceUpdate == u.force
	switch state(one) {
	case swarm.UpdateStateRollbackStarted:
		return false, nil // it ends, one way or the other
	case swarm.UpdateStateRollbackCompleted, swarm.UpdateStateRollbackPaused, swarm.UpdateStatePaused:
		if !ours {
			return false, u.failure(tasks)
		}
		if state(one) == swarm.UpdateStatePaused {
			return false, u.failure(tasks)
		}
	case swarm.UpdateStateUpdating:
		if !ours {
			return false, errOvertaken
		}
		return false, nil
	}
	if !ours {
		return false, errOvertaken
	}
	if crashed, err := u.crashed(ctx, tasks); err != nil || crashed {
		return false, errors.Join(err, u.failure(tasks))
	}
	// The engine says completed once the monitor time of the last task is over. It says nothing where it found
	// nothing to change: then we measure.
	monitored := state(one) == swarm.UpdateStateCompleted || !steady.IsZero() && time.Since(steady) >= u.Monitor
	return all && monitored, nil
}

func (u *update) now(ctx context.Context) (swarm.Service, []swarm.Task, error) {
	one, err := u.inspect(ctx)
	if err != nil {
		return one, nil, err
	}
	tasks, err := u.tasks(ctx, one)
	return one, tasks, err
}

// own tells whether a task is one of this update's: an earlier try may have had the same digest.
func (u *update) own(t swarm.Task) bool {
	return t.Spec.ContainerSpec != nil && digestOf(t.Spec.ContainerSpec.Image) == u.digest && t.Spec.ForceUpdate == u.force
}

// mine is an own task that runs.
func (u *update) mine(t swarm.Task) bool { return u.own(t) && runs(t) }

// count is how many places have such a task.
func (s slots) count(is func(swarm.Task) bool) (n int) {
	for _, tasks := range s {
		if slices.ContainsFunc(tasks, is) {
			n++
		}
	}
	return n
}

// ended tells whether a task has ended by itself. That it ended well does not help a service that is to run on: an
// unhealthy one that exits with 0 when it is stopped ends as complete.
func ended(t swarm.Task) bool {
	switch t.Status.State {
	case swarm.TaskStateComplete, swarm.TaskStateFailed, swarm.TaskStateRejected:
		return true
	}
	return false
}

// crashed tells whether a task of this update has ended since we look, for another reason than the loss of its node.
func (u *update) crashed(ctx context.Context, tasks []swarm.Task) (bool, error) {
	for _, t := range tasks {
		if !u.own(t) || !ended(t) || t.Status.Timestamp.Before(u.started) {
			continue
		}
		node, err := u.engine.NodeInspect(ctx, t.NodeID, client.NodeInspectOptions{})
		if err == nil && node.Node.Status.State == swarm.NodeStateReady {
			return true, nil
		}
	}
	return false, nil
}

// failure says what became of this update's tasks.
func (u *update) failure(tasks []swarm.Task) error {
	var said []string
	for _, t := range tasks {
		if text := reason(t); u.own(t) && ended(t) && !slices.Contains(said, text) {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		return errors.New("the engine has given it up" + waiting(tasks, u.own))
	}
	return errors.New(strings.Join(said, "; "))
}

// reason is why a task has ended, in one line.
func reason(t swarm.Task) string {
	said := t.Status.Err
	switch {
	case t.Status.State == swarm.TaskStateRejected:
		return "it was rejected: " + said
	case t.Status.State == swarm.TaskStateComplete:
		return "it ended by itself with exit status 0: it was stopped as unhealthy, or does not run on"
	case strings.Contains(said, "unhealthy"):
		return "it is unhealthy (" + said + ")"
	case t.Status.ContainerStatus != nil && t.Status.ContainerStatus.ContainerID != "":
		return strings.TrimSuffix(fmt.Sprintf("it crashed with exit status %d (%s)", t.Status.ContainerStatus.ExitCode, said), " ()")
	}
	return "it failed: " + said
}

// waiting says what those tasks wait for that do not run.
func waiting(tasks []swarm.Task, own func(swarm.Task) bool) string {
	for _, t := range tasks {
		if own(t) && wanted(t) && !runs(t) {
			said := t.Status.Err
			if said == "" {
				said = t.Status.Message
			}
			return fmt.Sprintf("; one is %s: %s", t.Status.State, said)
		}
	}
	return ""
}
