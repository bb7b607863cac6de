package build

import (
	"context"
	"fmt"
	"time"

	"hotfix/internal/flow"
)

// Evidence answers from the log whether a content was verified.
type Evidence struct {
	Log    flow.Log
	Commit string // the hotfix commit, for what was skipped
}

// Verified tells when this very content was last verified, in whichever run and for whichever stack.
func (e Evidence) Verified(ctx context.Context, content string) (when time.Time, ok bool, err error) {
	return e.last(ctx, func(entry flow.Entry) bool {
		return entry.Kind == flow.Done && entry.Facts["content"] == content
	})
}

// Cleared tells whether this content was verified, or its verification was left out for this commit with a
// reason on the record.
func (e Evidence) Cleared(ctx context.Context, content string) (bool, error) {
	_, ok, err := e.last(ctx, func(entry flow.Entry) bool {
		skipped := entry.Kind == flow.Skipped && entry.Commit == e.Commit
		return skipped || entry.Kind == flow.Done && entry.Facts["content"] == content
	})
	return ok, err
}

func (e Evidence) last(ctx context.Context, want func(flow.Entry) bool) (time.Time, bool, error) {
	entries, err := e.Log.Entries(ctx)
	if err != nil {
		return time.Time{}, false, fmt.Errorf("read the log: %w", err)
	}
	verifications := flow.History(entries).Phase(Verify{}.Name())
	for i := len(verifications) - 1; i >= 0; i-- {
		if want(verifications[i]) {
			return verifications[i].Time, true, nil
		}
	}
	return time.Time{}, false, nil
}
