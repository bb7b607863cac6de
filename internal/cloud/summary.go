package cloud

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// summary says how a service is and what it logged last.
func (r Rollout) summary(ctx context.Context, s Service) (Health, []string, error) {
	health, err := r.Stack.Health(ctx, s.Name, 0)
	if err != nil {
		return health, nil, err
	}
	lines := []string{s.Name + " runs " + s.Repository + " at " + shown(s.Digest), "  " + health.String()}
	var tail bytes.Buffer
	if err := r.Stack.Logs(ctx, s.Name, false, 10, &tail); err != nil {
		return health, append(lines, "  its log can't be read: "+err.Error()), nil
	}
	for line := range strings.Lines(tail.String()) {
		lines = append(lines, "  | "+strings.TrimRight(line, "\r\n"))
	}
	return health, lines, nil
}

// lastLook is how long it may take to see what is about to be taken back: nothing of it is left then, but to have the
// old one serve again is worth more.
const lastLook = 10 * time.Second

// keep tells how a service is and what it logged, while it is there: its health is for the record, its log stays on
// this machine.
func (r Rollout) keep(ctx context.Context, s Service, report flow.Report) {
	ctx, cancel := context.WithTimeout(ctx, lastLook)
	defer cancel()
	health, lines, err := r.summary(ctx, s)
	if err != nil {
		fmt.Fprintf(report, "how %s was can't be told: %v\n", s.Name, err)
		return
	}
	fmt.Fprintln(report, strings.Join(lines, "\n"))
	report.Fact(s.Name+" was", health.String())
}
