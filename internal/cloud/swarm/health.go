package swarm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
)

// Health implements cloud.Stack. The engine ends a task that is unhealthy: so one that runs is healthy, and one that
// was healthy and is no longer shows as a task that has ended.
func (s *Stack) Health(ctx context.Context, service string, monitor time.Duration) (cloud.Health, error) {
	ahead, err := s.clock(ctx)
	if err != nil {
		return cloud.Health{}, err
	}
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, defaultTimeout+monitor, fmt.Errorf("%s is not healthy after %v", service, defaultTimeout))
	defer cancel()
	for {
		h, last, err := s.look(ctx, service, ahead)
		switch {
		case err != nil:
			return h, causeOr(ctx, err)
		case monitor == 0:
			return h, nil
		case last != nil && last.Status.Timestamp.Add(-ahead).After(began):
			return h, fmt.Errorf("%s on %s: %s", service, s.nodeName(ctx, last.NodeID), reason(*last))
		case !h.Since.IsZero() && time.Since(h.Since) >= monitor:
			return h, nil
		}
		if err := pause(ctx); err != nil {
			return h, err
		}
	}
}

// look is how a service is now, and its task that ended last by itself, of those that it should run.
func (s *Stack) look(ctx context.Context, service string, ahead time.Duration) (h cloud.Health, last *swarm.Task, err error) {
	one, err := s.service(ctx, service)
	if err != nil {
		return h, nil, err
	}
	if h.Service, err = s.describe(ctx, one); err != nil {
		return h, nil, err
	}
	tasks, err := s.tasks(ctx, one)
	if err != nil {
		return h, nil, err
	}
	spec := one.Spec.TaskTemplate
	for _, t := range tasks {
		if !fits(t, spec) || !ended(t) {
			continue
		}
		h.Restarts++
		if last == nil || t.Status.Timestamp.After(last.Status.Timestamp) {
			last = &t
		}
	}
	if since := serving(tasks).since(); !since.IsZero() && h.Healthy == h.Containers {
		h.Since = since.Add(-ahead)
	}
	return h, last, nil
}

// clock returns how far the engine's clock is ahead of ours.
func (s *Stack) clock(ctx context.Context) (time.Duration, error) {
	info, err := s.engine.Info(ctx, client.InfoOptions{})
	if err != nil {
		return 0, s.reach("ask for the time", err)
	}
	theirs, err := time.Parse(time.RFC3339Nano, info.Info.SystemTime)
	if err != nil {
		return 0, nil // an engine that does not tell is taken to agree
	}
	return time.Until(theirs), nil
}

// causeOr prefers the reason why ctx ended.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		return cause
	}
	return err
}
