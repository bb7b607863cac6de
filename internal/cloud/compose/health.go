package compose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
)

// look is how long to wait between two looks at a container.
const look = 100 * time.Millisecond

// defaultTimeout is how long one container may take to be healthy where nothing is said.
const defaultTimeout = 4 * time.Minute

func (u *update) timeout() time.Duration { return timeoutOr(u.Timeout) }

func timeoutOr(t time.Duration) time.Duration {
	if t == 0 {
		return defaultTimeout
	}
	return t
}

func (u *update) prove(ctx context.Context, id string, restarts int) error {
	return u.Stack.prove(ctx, id, restarts, u.Monitor, u.timeout())
}

// prove returns once a container has been healthy for the monitor time, or an error that says why it will not be:
// it ended, was restarted by the engine, is unhealthy, or takes too long.
func (s *Stack) prove(ctx context.Context, id string, restarts int, monitor, timeout time.Duration) error {
	ahead, err := s.clock(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout+monitor, fmt.Errorf("it is not healthy after %v", timeout))
	defer cancel()
	var since time.Time
	for {
		c, err := s.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if err != nil {
			return s.reach("inspect "+id, causeOr(ctx, err))
		}
		healthy, err := verdict(&c.Container, restarts)
		switch {
		case err != nil:
			return err
		case !healthy:
			since = time.Time{}
		default:
			since = earlier(since, healthySince(&c.Container, ahead))
		}
		if !since.IsZero() && time.Since(since) >= monitor {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(look):
		}
	}
}

// causeOr prefers the reason why ctx ended.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// verdict tells whether a container is healthy now; an error means that it has failed.
func verdict(c *container.InspectResponse, restarts int) (bool, error) {
	switch {
	case c.State.Restarting:
		return false, fmt.Errorf("it crashed with exit status %d", c.State.ExitCode)
	case c.RestartCount > restarts:
		return false, errors.New("it crashed, and the engine started it again")
	case !c.State.Running:
		return false, errors.New(strings.TrimSpace(fmt.Sprintf("it ended with exit status %d %s", c.State.ExitCode, c.State.Error)))
	case c.State.Health != nil && c.State.Health.Status == container.Unhealthy:
		return false, errors.New("it is unhealthy")
	}
	healthy, _ := condition(c)
	return healthy, nil
}

// condition tells whether a container runs, and is healthy; without a healthcheck, running is healthy.
func condition(c *container.InspectResponse) (healthy, running bool) {
	running = c.State.Running && !c.State.Restarting && !c.State.Paused
	h := c.State.Health
	checked := h != nil && h.Status != "" && h.Status != container.NoHealthcheck
	return running && (!checked || h.Status == container.Healthy), running
}

// healthySince is from when on a healthy container is known to have been it: its start, or the first of its last
// successful healthchecks, of which the engine keeps five. The engine's clock is ahead of ours.
func healthySince(c *container.InspectResponse, ahead time.Duration) time.Time {
	if c.State.Health == nil {
		started, _ := time.Parse(time.RFC3339Nano, c.State.StartedAt)
		return started.Add(-ahead)
	}
	since := time.Now()
	for i := len(c.State.Health.Log) - 1; i >= 0 && c.State.Health.Log[i].ExitCode == 0; i-- {
		since = c.State.Health.Log[i].End.Add(-ahead)
	}
	return since
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// clock returns how far the engine's clock is ahead of ours: over ssh it is another machine's.
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

// Health implements cloud.Stack.
func (s *Stack) Health(ctx context.Context, service string, monitor time.Duration) (cloud.Health, error) {
	if monitor > 0 {
		slots, err := s.slots(ctx, service)
		if err != nil {
			return cloud.Health{}, err
		}
		for _, slot := range slots {
			c := slot.serving()
			if err := s.prove(ctx, c.ID, c.RestartCount, monitor, defaultTimeout); err != nil {
				return cloud.Health{}, fmt.Errorf("%s: %w", slot.name, err)
			}
		}
	}
	return s.health(ctx, service)
}

// health looks once.
func (s *Stack) health(ctx context.Context, service string) (cloud.Health, error) {
	var h cloud.Health
	services, err := s.Services(ctx)
	if err != nil {
		return h, err
	}
	for _, one := range services {
		if one.Name == service {
			h.Service = one
		}
	}
	slots, err := s.slots(ctx, service)
	if err != nil {
		return h, err
	}
	ahead, err := s.clock(ctx)
	if err != nil {
		return h, err
	}
	for _, slot := range slots {
		c := slot.serving()
		h.Restarts += c.RestartCount
		if since := healthySince(c, ahead); since.After(h.Since) {
			h.Since = since
		}
	}
	if h.Healthy < h.Containers {
		h.Since = time.Time{}
	}
	return h, nil
}
