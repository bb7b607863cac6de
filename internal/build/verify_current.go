package build

import (
	"context"
	"fmt"

	"hotfix/internal/flow"
)

// current proves that the directory holds this commit as it was synced, and returns its stamp.
func (d Directory) current(ctx context.Context, commit string) (Stamp, error) {
	again := "run hotfix deploy again: sync makes it anew"
	stamp, synced, err := d.holds(commit)
	if err != nil {
		return stamp, err
	}
	if !synced {
		return stamp, flow.Hint(fmt.Errorf("%s does not hold commit %s", d.Path, short(commit)), again)
	}
	content, err := d.Content(ctx)
	if err != nil {
		return stamp, err
	}
	if content != stamp.Content {
		return stamp, flow.Hint(fmt.Errorf("%s was changed after it was synced: its content is %s, not %s",
			d.Path, short(content), short(stamp.Content)), again)
	}
	return stamp, nil
}
