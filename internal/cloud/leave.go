package cloud

import (
	"context"

	"hotfix/internal/flow"
)

// A Leaver is a Stack whose updates go on without us.
type Leaver interface {
	// Going says what goes on of an update of the service, or nothing, and whether it can be paused.
	Going(ctx context.Context, service string) (what string, pauses bool, err error)
	// Pause stops an update where it is. What was replaced stays so; the next Update to the same digest goes on.
	Pause(ctx context.Context, service string) error
}

// left looks at what an interrupted update leaves behind; nil where the stack does nothing by itself.
func (r Rollout) left(service string) func(context.Context) (*flow.Left, error) {
	stack, ok := r.Stack.(Leaver)
	if !ok {
		return nil
	}
	return func(ctx context.Context) (*flow.Left, error) {
		what, pauses, err := stack.Going(ctx, service)
		if err != nil || what == "" {
			return nil, err
		}
		left := &flow.Left{What: what}
		if pauses {
			left.Pause = func(ctx context.Context) error { return stack.Pause(ctx, service) }
		}
		return left, nil
	}
}
