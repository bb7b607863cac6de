package cloud

import (
	"context"
	"errors"
	"fmt"

	"hotfix/internal/flow"
)

// Proven returns nil once every service that runs one of the repositories runs what it should, and is healthy: only
// then may a cache be purged or a tag be moved.
func Proven(ctx context.Context, stack Stack, release Release, repositories []string) error {
	services, err := Rollout{Stack: stack, Repositories: repositories}.serving(ctx)
	if err != nil {
		return err
	}
	var failures []error
	for _, s := range services {
		want, err := release.Want(ctx, s)
		switch {
		case err != nil:
			failures = append(failures, fmt.Errorf("what %s should run: %w", s.Name, err))
		case s.Interrupted:
			failures = append(failures, fmt.Errorf("an update of %s was interrupted", s.Name))
		case s.Digest != want:
			failures = append(failures, fmt.Errorf("%s runs %s, not %s", s.Name, shown(s.Digest), Short(want)))
		case s.Healthy < s.Containers:
			failures = append(failures, fmt.Errorf("%s: %v", s.Name, Health{Service: s}))
		}
	}
	return flow.Hint(errors.Join(failures...), "look at what is left: hotfix status")
}

func shown(digest string) string {
	if digest == "" {
		return "something unknown"
	}
	return Short(digest)
}
