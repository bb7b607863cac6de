package dockercloud

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/inside"
	"hotfix/internal/flow"
)

// A jobView reads a job's record as it grows.
type jobView struct {
	stack *Stack
	job
	report  flow.Report
	passed  [2]int // bytes of stdout and stderr
	kept    inside.Last
	doubted bool
}

// piece is how much of each stream is read at once.
const piece = 32 << 10

// record tells first how a job is, then what it has written beyond what is known: so an end is told with all before
// it.
const record = `cd %s || exit 1
if [ -e end ]; then echo ended $(cat end); elif kill -0 $(cat pid) 2>/dev/null; then echo runs 0 0; else echo lost 0 0; fi
for f in out:%d err:%d; do tail -c +${f#*:} ${f%%%%:*} 2>/dev/null | head -c %d | base64 | tr -d '\n'; echo; done`

// once reads one piece.
func (v *jobView) once(ctx context.Context) (now cloud.Job, more bool, err error) {
	text, exit, err := v.stack.ask(ctx, v.container, fmt.Sprintf(record, v.dir, v.passed[0]+1, v.passed[1]+1, piece))
	if err != nil {
		return now, false, err
	}
	var state string
	var at int64
	lines := strings.Split(text, "\n")
	if _, err := fmt.Sscan(lines[0], &state, &now.Exit, &at); err != nil || exit != 0 || len(lines) < 3 {
		return now, false, fmt.Errorf("what %s recorded of it can't be read: %q", v.Name, text)
	}
	for i, line := range lines[1:3] {
		out, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line))
		if err != nil {
			return now, false, fmt.Errorf("what it printed in %s can't be read: %w", v.Name, err)
		}
		v.passed[i] += len(out)
		more = more || len(out) == piece
		_, _ = v.report.Write(out)
		if i == 0 {
			_, _ = v.kept.Write(out)
		}
	}
	now.Running = state == "runs"
	switch state {
	case "ended":
		now.Ended = time.Unix(at, 0)
	case "lost": // it may have written its end since we looked
		now.Running, now.Exit, more = false, unknownExit, more || !v.doubted
		v.doubted = true
	}
	return now, more, nil
}

// read takes all that there is.
func (v *jobView) read(ctx context.Context) (cloud.Job, error) {
	v.kept.Max = 64 << 10
	for {
		now, more, err := v.once(ctx)
		if err != nil || !more {
			now.Output = v.kept.String()
			return now, err
		}
	}
}

// watch passes on what a job prints until it ends.
func (v *jobView) watch(ctx context.Context) (cloud.Job, error) {
	const hint = "it goes on without us; the same command watches it again"
	for {
		now, err := v.read(ctx)
		if err != nil {
			return now, flow.Hint(err, hint)
		}
		if !now.Running {
			return now, nil
		}
		if err := pause(ctx, v.stack.Every); err != nil {
			return now, flow.Hint(err, hint)
		}
	}
}
