package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// look is how long to wait between two looks, and defaultTimeout how long a task may take where nothing is said.
const (
	look           = 100 * time.Millisecond
	defaultTimeout = 4 * time.Minute
)

// An update brings every task of one service to one digest. The engine does it; if it fails the engine takes it back,
// and where the engine does not see that it has failed, we do.
type update struct {
	*Stack
	cloud.Options
	name, id    string
	ref, digest string
	auth        string
	report      flow.Report
	before      before
	force       uint64 // with the digest, what tells the tasks of this update from those of earlier tries
	started     time.Time
}

// Update implements cloud.Stack.
func (s *Stack) Update(ctx context.Context, service, ref string, o cloud.Options, report flow.Report) error {
	one, err := s.service(ctx, service)
	if err != nil {
		return err
	}
	u := &update{Stack: s, Options: o, name: service, id: one.ID, ref: ref, digest: digestOf(ref), report: report, started: time.Now()}
	if u.Timeout == 0 {
		u.Timeout = defaultTimeout
	}
	if u.digest == "" {
		return fmt.Errorf("%q names no digest", ref)
	}
	if u.auth, err = s.credentials(ctx, ref); err != nil {
		return err
	}
	if err := u.begin(ctx); err != nil {
		return u.stopped(ctx, err)
	}
	if err := u.prove(ctx); err != nil {
		return u.takeBack(ctx, err)
	}
	return u.settle(ctx)
}

// prove returns once the service runs what it should, and the check agrees.
func (u *update) prove(ctx context.Context) error {
	if err := u.converge(ctx); err != nil {
		return fmt.Errorf("%s at %s: %w", u.name, cloud.Short(u.digest), err)
	}
	if u.Check == nil {
		return nil
	}
	return u.Check(ctx, u.report)
}

// begin tells the engine what to run, unless it has been told: then an update that was killed is taken up.
func (u *update) begin(ctx context.Context) error {
	one, err := u.quiet(ctx)
	if err != nil {
		return err
	}
	u.before = beforeOf(one, u.digest)
	told := digestOf(one.Spec.TaskTemplate.ContainerSpec.Image) == u.digest
	switch state(one) {
	case swarm.UpdateStatePaused, swarm.UpdateStateRollbackPaused:
		told = false
	}
	if told {
		u.force = one.Spec.TaskTemplate.ForceUpdate
		if paused(one) {
			return u.resume(ctx)
		}
		return nil
	}
	if err := u.exists(ctx); err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	if state(one) == swarm.UpdateStateUpdating && digestOf(u.before.Image) == u.digest {
		u.force = u.before.Force
		return u.turn(ctx, one)
	}
	if err := u.prepare(ctx); err != nil {
		return err
	}
	return u.swap(ctx)
}

// quiet waits until the engine has taken back what it is taking back.
func (u *update) quiet(ctx context.Context) (swarm.Service, error) {
	deadline := time.Now().Add(u.Timeout)
	for {
		one, err := u.inspect(ctx)
		if err != nil || state(one) != swarm.UpdateStateRollbackStarted {
			return one, err
		}
		if time.Now().After(deadline) {
			return one, fmt.Errorf("the engine has been taking an update of %s back for %v", u.name, u.Timeout)
		}
		if err := pause(ctx); err != nil {
			return one, err
		}
	}
}

// stopped says what goes on without us when the user has stopped; other errors it leaves alone.
func (u *update) stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return flow.Hint(fmt.Errorf("the update of %s was left running: %w", u.name, err),
		"the engine finishes it, or takes it back if it fails; the same command takes it up, hotfix rollback takes it back")
}

// takeBack brings the old digest back, and tells what came of it. Whoever stops us leaves it to the engine.
func (u *update) takeBack(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return u.stopped(ctx, cause)
	}
	if errors.Is(cause, errOvertaken) {
		return cause
	}
	old := u.before.Image
	if digestOf(old) == u.digest {
		return flow.Hint(cause, "it ran this before: look at its log: hotfix logs "+u.name)
	}
	fmt.Fprintf(u.report, "%s: taking it back to %s\n", u.name, cloud.Short(digestOf(old)))
	cause = fmt.Errorf("%w%s", cause, u.story(ctx))
	if err := u.putBack(ctx); err != nil {
		return flow.Hint(errors.Join(cause, fmt.Errorf("taking %s back to %s: %w", u.name, old, err)),
			"docker service update --image "+old+" "+u.id)
	}
	return fmt.Errorf("%w\n%s is back on %s", cause, u.name, cloud.Short(digestOf(old)))
}

// putBack swaps the old digest into the current spec, and waits until every task runs it.
func (u *update) putBack(ctx context.Context) error {
	one, err := u.quiet(ctx)
	if err != nil {
		return err
	}
	if digestOf(one.Spec.TaskTemplate.ContainerSpec.Image) == u.digest {
		if u.auth, err = u.credentials(ctx, u.before.Image); err != nil {
			return err
		}
		if err := u.turn(ctx, one); err != nil {
			return err
		}
	}
	back := *u
	back.ref, back.digest, back.force = u.before.Image, digestOf(u.before.Image), u.before.Force
	back.started = time.Now()
	if err := back.converge(ctx); err != nil {
		return err
	}
	return u.settle(ctx)
}

// turn swaps what ran before into the current spec, in one change: each change lets the engine begin anew, and where it
// finds a new task beside the old one it gives the old one up, also while the new one is still starting.
func (u *update) turn(ctx context.Context, one swarm.Service) error {
	return u.change(ctx, u.auth, func(spec *swarm.ServiceSpec) error {
		spec.TaskTemplate.ContainerSpec.Image = u.before.Image
		spec.TaskTemplate.ForceUpdate = u.before.Force // tasks that were not replaced yet stay
		order, _ := u.order(ctx, one, u.before.Image)  // a node may have died since: the spare one is gone
		config := swarm.UpdateConfig{Order: order, Monitor: u.Monitor, FailureAction: swarm.UpdateFailureActionContinue}
		if order == swarm.UpdateOrderStopFirst {
			config.Parallelism = 1
		}
		spec.UpdateConfig = &config
		return nil
	})
}
