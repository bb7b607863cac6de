package dockercloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// defaultTimeout is how long a container may take where nothing is said.
const defaultTimeout = 4 * time.Minute

// Update implements cloud.Stack. What fails is left: to take it back the tag is put back first, and that is not ours.
func (s *Stack) Update(ctx context.Context, name, ref string, o cloud.Options, report flow.Report) error {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	one, err := s.service(ctx, name)
	if err != nil {
		return err
	}
	tagged, digest, ok := strings.Cut(ref, "@")
	if !ok {
		return fmt.Errorf("%q names no digest", ref)
	}
	if err := s.follows(ctx, one, tagged, digest); err != nil {
		return err
	}
	limit := o.Timeout * time.Duration(max(1, one.Target))
	proving, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s is not there after %v", name, limit))
	defer cancel()
	if err := s.bring(proving, one, digest, report); err != nil {
		return s.failed(ctx, one, err)
	}
	if _, err := s.Health(ctx, name, o.Monitor); err != nil {
		return s.failed(ctx, one, err)
	}
	if o.Check == nil {
		return nil
	}
	return s.failed(ctx, one, o.Check(ctx, report))
}

// follows refuses a redeploy that would deploy something else: Docker Cloud deploys what the service's tag names.
func (s *Stack) follows(ctx context.Context, one service, tagged, digest string) error {
	repository, tag := parts(one.Image)
	if want, wantTag := parts(tagged); want != repository || wantTag != tag {
		return fmt.Errorf("nothing was touched: %s follows %s, not %s", one.Name, one.Image, tagged)
	}
	now, err := s.Digest(ctx, one.Image)
	if err != nil {
		return err
	}
	if now != digest {
		return flow.Hint(fmt.Errorf("nothing was touched: %s follows its tag, and %s names %s, not %s", one.Name, one.Image, cloud.Short(now), cloud.Short(digest)),
			"let the tag name it first: someone else has moved it, or it is shared")
	}
	return nil
}

// bring redeploys a service, unless it runs the digest already, and proves that it does.
func (s *Stack) bring(ctx context.Context, one service, digest string, report flow.Report) error {
	one, err := s.quiet(ctx, one)
	if err != nil {
		return err
	}
	now, err := s.describe(ctx, one)
	if err != nil {
		return err
	}
	if now.Digest != digest || now.Running < now.Containers {
		fmt.Fprintf(report, "redeploying %s, volumes kept\n", one.Name)
		action, err := s.redeploy(ctx, one)
		if err != nil {
			return err
		}
		if action != nil {
			if err := s.finish(ctx, action); err != nil {
				return err
			}
		}
		if err := s.settle(ctx, one); err != nil {
			return err
		}
		if one, err = s.detail(ctx, one.UUID); err != nil {
			return err
		}
		if now, err = s.describe(ctx, one); err != nil {
			return err
		}
	}
	switch now.Digest {
	case digest:
		return nil
	case "":
		return fmt.Errorf("%s runs something unknown, not %s: %s", one.Name, cloud.Short(digest), now.Detail)
	}
	return fmt.Errorf("%s runs %s, not %s", one.Name, cloud.Short(now.Digest), cloud.Short(digest))
}

// quiet waits until nothing is being done to a service: an update that was killed goes on without us.
func (s *Stack) quiet(ctx context.Context, one service) (service, error) {
	for one.busy() {
		if err := pause(ctx, s.Every); err != nil {
			return one, fmt.Errorf("%w: it is %s", err, strings.ToLower(one.State))
		}
		now, err := s.detail(ctx, one.UUID)
		if err != nil {
			return one, err
		}
		one = now
	}
	return one, nil
}

// failed adds the end of the log to an error; what the user has stopped goes on without us.
func (s *Stack) failed(ctx context.Context, one service, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil || errors.Is(err, context.Canceled):
		return flow.Hint(fmt.Errorf("the redeploy of %s was left running: %w", one.Name, err), "the same command takes it up")
	}
	if text := s.story(ctx, one); text != "" {
		return fmt.Errorf("%w%s", err, text)
	}
	return err
}
