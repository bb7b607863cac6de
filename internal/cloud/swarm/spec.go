package swarm

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// labelBefore holds what a service was before its update, until that is proven or taken back: a killed update is
// recognised by it, by whoever comes next.
const labelBefore = "hotfix.before"

// before is what an update changes of a service.
type before struct {
	Image            string
	Force            uint64
	Update, Rollback *swarm.UpdateConfig
}

// beforeOf returns what a service was before the update to this digest, where one was begun; else what it is.
func beforeOf(one swarm.Service, digest string) before {
	var b before
	if text := one.Spec.Labels[labelBefore]; text != "" && json.Unmarshal([]byte(text), &b) == nil {
		return b
	}
	spec := one.Spec
	if previous := one.PreviousSpec; state(one) == swarm.UpdateStateUpdating && previous != nil && previous.TaskTemplate.ContainerSpec != nil &&
		digestOf(spec.TaskTemplate.ContainerSpec.Image) == digest {
		spec = *previous // somebody else has begun it
	}
	return before{spec.TaskTemplate.ContainerSpec.Image, spec.TaskTemplate.ForceUpdate, one.Spec.UpdateConfig, one.Spec.RollbackConfig}
}

// prepare tells the engine how to update, before what: when it takes the update back it returns to this spec, and
// uses its way of taking back, which must not make a gap either. No task is touched.
func (u *update) prepare(ctx context.Context) error {
	return u.change(ctx, u.auth, func(spec *swarm.ServiceSpec) error {
		one, err := u.inspect(ctx)
		if err != nil {
			return err
		}
		order, why := u.order(ctx, one, u.ref)
		fmt.Fprintf(u.report, "%s: updated %s%s\n", u.name, order, why)
		text, err := json.Marshal(u.before)
		if err != nil {
			return err
		}
		if spec.Labels == nil {
			spec.Labels = map[string]string{}
		}
		spec.Labels[labelBefore] = string(text)
		forward := swarm.UpdateConfig{Parallelism: 1}
		if u.before.Update != nil {
			forward = *u.before.Update
		}
		forward.Order, forward.Monitor, forward.MaxFailureRatio = order, u.Monitor, 0
		forward.FailureAction = swarm.UpdateFailureActionRollback
		spec.UpdateConfig = &forward
		spec.RollbackConfig = &swarm.UpdateConfig{Order: order, Monitor: u.Monitor, FailureAction: swarm.UpdateFailureActionContinue}
		return nil
	})
}

// swap puts the digest into the spec. The counter makes this try's tasks different from those of earlier ones; on the
// way back to what ran before, it is put back too: tasks that were not replaced yet stay.
func (u *update) swap(ctx context.Context) error {
	return u.change(ctx, u.auth, func(spec *swarm.ServiceSpec) error {
		spec.TaskTemplate.ContainerSpec.Image = u.ref
		if digestOf(u.before.Image) == u.digest {
			u.force, spec.TaskTemplate.ForceUpdate = u.before.Force, u.before.Force
			return nil
		}
		tasks, err := u.tasks(ctx, swarm.Service{ID: u.id, Spec: *spec})
		if err != nil {
			return err
		}
		u.force = spec.TaskTemplate.ForceUpdate
		for _, t := range tasks {
			u.force = max(u.force, t.Spec.ForceUpdate)
		}
		u.force++
		spec.TaskTemplate.ForceUpdate = u.force
		return nil
	})
}

// settle puts the service's own way of updating back: it differs from before in its digest and nothing else.
func (u *update) settle(ctx context.Context) error {
	one, err := u.inspect(ctx)
	if err != nil || one.Spec.Labels[labelBefore] == "" {
		return err
	}
	return u.change(ctx, "", func(spec *swarm.ServiceSpec) error {
		delete(spec.Labels, labelBefore)
		spec.UpdateConfig, spec.RollbackConfig = u.before.Update, u.before.Rollback
		return nil
	})
}

// change changes something of the current spec: again, where somebody else has changed it in between. Without
// credentials the service keeps those that it has.
func (u *update) change(ctx context.Context, auth string, edit func(*swarm.ServiceSpec) error) error {
	for try := 1; ; try++ {
		one, err := u.inspect(ctx)
		if err != nil {
			return err
		}
		was := one.Spec
		spec, err := clone(was)
		if err != nil {
			return err
		}
		if err := edit(&spec); err != nil {
			return err
		}
		if reflect.DeepEqual(was, spec) {
			return nil
		}
		_, err = u.engine.ServiceUpdate(ctx, u.id, client.ServiceUpdateOptions{Version: one.Version, Spec: spec, EncodedRegistryAuth: auth})
		if err == nil {
			return nil
		}
		if try == 10 || !strings.Contains(err.Error(), "update out of sequence") {
			return u.reach("update "+u.name, err)
		}
	}
}

// clone is a copy that shares nothing.
func clone(spec swarm.ServiceSpec) (copied swarm.ServiceSpec, err error) {
	text, err := json.Marshal(spec)
	if err == nil {
		err = json.Unmarshal(text, &copied)
	}
	return copied, err
}

func (u *update) inspect(ctx context.Context) (swarm.Service, error) {
	found, err := u.engine.ServiceInspect(ctx, u.id, client.ServiceInspectOptions{})
	if err != nil {
		return swarm.Service{}, u.reach("inspect "+u.name, err)
	}
	return found.Service, nil
}

// exists asks the registry for the image, as the engine will.
func (u *update) exists(ctx context.Context) error {
	repository, _, digest := parts(u.ref)
	_, err := u.engine.DistributionInspect(ctx, repository+"@"+digest, client.DistributionInspectOptions{EncodedRegistryAuth: u.auth})
	host, _, _ := strings.Cut(repository, "/")
	switch {
	case err == nil:
		return nil
	case errdefs.IsNotFound(err), strings.Contains(err.Error(), "manifest unknown"):
		return flow.Hint(u.reach("look for "+u.ref, err), "the registry does not have it: push it again")
	case errdefs.IsUnauthorized(err), errdefs.IsPermissionDenied(err), strings.Contains(err.Error(), "no basic auth"),
		strings.Contains(err.Error(), "unauthorized"), strings.Contains(err.Error(), "denied"):
		return flow.Hint(u.reach("look for "+u.ref, err), "docker login "+host)
	}
	return u.reach("look for "+u.ref, err)
}

// credentials are what the nodes pull an image with.
func (s *Stack) credentials(ctx context.Context, ref string) (string, error) {
	if s.Auth == nil {
		return "", nil
	}
	repository, _, _ := parts(ref)
	auth, err := s.Auth(ctx, repository)
	if err != nil {
		return "", fmt.Errorf("credentials for %s: %w", repository, err)
	}
	return auth, nil
}

// pause waits a little, or returns why ctx ended.
func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(look):
		return nil
	}
}
