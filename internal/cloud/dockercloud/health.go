package dockercloud

import (
	"context"
	"fmt"
	"strings"
	"time"

	"hotfix/internal/cloud"
)

// Health implements cloud.Stack. What has run in the same containers, started once, is healthy.
func (s *Stack) Health(ctx context.Context, name string, monitor time.Duration) (cloud.Health, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, defaultTimeout+monitor, fmt.Errorf("%s is not healthy after %v", name, defaultTimeout))
	defer cancel()
	one, err := s.service(ctx, name)
	if err != nil {
		return cloud.Health{}, err
	}
	var began time.Time
	first := ""
	for {
		h, run, err := s.look(ctx, one.UUID)
		switch {
		case err != nil || monitor == 0:
			return h, err
		case run == "" && first != "", run != "" && first != "" && run != first:
			return h, fmt.Errorf("%s did not run for %v without a break: %v", name, monitor, h)
		case run != "" && first == "":
			began, first = time.Now(), run
		case run != "" && time.Since(began) >= monitor:
			return h, nil
		}
		if err := pause(ctx, min(s.Every, monitor)); err != nil {
			return h, err
		}
	}
}

// look is how a service is now; run names its containers and when they were started, and is empty while not all run.
func (s *Stack) look(ctx context.Context, uuid string) (h cloud.Health, run string, err error) {
	one, err := s.detail(ctx, uuid)
	if err != nil {
		return h, "", err
	}
	if h.Service, err = s.describe(ctx, one); err != nil {
		return h, "", err
	}
	if h.Interrupted || h.Running < h.Containers || h.Running == 0 {
		return h, "", nil
	}
	all, err := s.containers(ctx, one)
	if err != nil {
		return h, "", err
	}
	var started []string
	for _, c := range all {
		started = append(started, c.UUID+" "+c.Started)
	}
	h.Since = since(all)
	return h, strings.Join(started, ", "), nil
}
