package dockercloud

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"hotfix/internal/flow"
)

// redeploy asks once for a service to be redeployed, its volumes kept, and returns the action that does it: nil where
// Docker Cloud names none. Where the answer is lost, the service tells whether it was begun: it is not asked again.
func (s *Stack) redeploy(ctx context.Context, one service) (*object, error) {
	path := s.path("service", one.UUID, "redeploy") + "?reuse_volumes=true"
	header, err := s.post(ctx, path, nil)
	if err == nil {
		if uri := header.Get("X-DockerCloud-Action-URI"); uri != "" {
			return &object{URI: uri, UUID: id(uri)}, nil
		}
		return nil, nil
	}
	var r refused
	if errors.As(err, &r) && r.status < http.StatusInternalServerError {
		if now, lookErr := s.detail(ctx, one.UUID); lookErr == nil && r.status == http.StatusConflict {
			err = fmt.Errorf("%s is busy (%s): %w", one.Name, strings.ToLower(now.State), err)
		}
		return nil, s.explain(ctx, "nothing was touched: redeploy "+one.Name, err)
	}
	if s.begun(ctx, one) {
		return nil, nil
	}
	return nil, flow.Hint(s.explain(ctx, "redeploy "+one.Name, err), "nothing is seen to have begun; look at hotfix status before you go on")
}

// begun tells, of a request whose answer was lost, whether it was followed.
func (s *Stack) begun(ctx context.Context, before service) bool {
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	for range 3 {
		now, err := s.detail(ctx, before.UUID)
		if err == nil && now.touched(before) {
			return true
		}
		if pause(ctx, s.Every) != nil {
			return false
		}
	}
	return false
}

// touched tells whether something was done to a service since.
func (s service) touched(before service) bool {
	return s.busy() || s.Deployed != before.Deployed || !slices.Equal(s.Containers, before.Containers)
}

// finish returns once an action has succeeded.
func (s *Stack) finish(ctx context.Context, action *object) error {
	path := "/api/audit/v1/action/" + action.UUID + "/"
	state := "not known yet"
	for {
		var now object
		if err := s.get(ctx, path, &now); err != nil {
			return late(ctx, err, "its action is "+state)
		}
		state = strings.ToLower(now.State)
		switch {
		case now.is("Success"):
			return nil
		case now.is("Failed", "Canceled"):
			return fmt.Errorf("action %s of Docker Cloud: %s", action.UUID, state)
		}
		if err := pause(ctx, s.Every); err != nil {
			return late(ctx, err, "its action is "+state)
		}
	}
}

// settle returns once a service runs in full and something was done to it since.
func (s *Stack) settle(ctx context.Context, before service) error {
	seen, why := false, "how it is is not known yet"
	for {
		now, err := s.detail(ctx, before.UUID)
		if err != nil {
			return late(ctx, err, why)
		}
		seen = seen || now.touched(before)
		switch {
		case now.is("Start failed", "Stopped with errors", "Terminated"), seen && now.is("Stopped"):
			return fmt.Errorf("%s: %s", now.Name, strings.ToLower(now.State))
		case !seen:
			why = "it was not redeployed"
		case !now.is("Running") || now.Running != now.Target:
			why = fmt.Sprintf("it is %s, %d of %d containers run", strings.ToLower(now.State), now.Running, now.Target)
		default:
			return nil
		}
		if err := pause(ctx, s.Every); err != nil {
			return late(ctx, err, why)
		}
	}
}

// late says why ctx has ended, and how things were then; other errors it leaves alone.
func late(ctx context.Context, err error, why string) error {
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("%w: %s", cause, why)
	}
	return err
}
