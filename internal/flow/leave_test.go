package flow

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// going is a step whose change goes on after an interruption.
type going struct {
	*step
	left *Left
}

func (g going) Plan(ctx context.Context) ([]Action, error) {
	actions, err := g.step.Plan(ctx)
	for i := range actions {
		actions[i].Left = func(ctx context.Context) (*Left, error) { return g.left, ctx.Err() }
	}
	return actions, err
}

// TestInterruptedWhatGoesOnIsAskedAbout: with each answer, one more Ctrl-C for an answer, nobody to answer, and where
// nothing goes on.
func TestInterruptedWhatGoesOnIsAskedAbout(t *testing.T) {
	const question = "interrupted: redeploy on production (here) Leave running,Pause,Roll back default Leave running"
	for _, test := range []struct {
		name, answer string
		alone, over  bool
		asks         bool
		class        error
		says         string
	}{
		{"left", LeaveRunning, false, false, true, context.Canceled, "left running: hotfix deploy takes it up"},
		{"paused", Pause, false, false, true, context.Canceled, "paused: hotfix deploy takes it up"},
		{"taken back", RollBack, false, false, true, ErrRolledBack, "the engine goes on"},
		{"Ctrl-C again", "", false, false, true, context.Canceled, "left running: hotfix deploy takes it up"},
		{"nobody there", "", true, false, false, context.Canceled, "left running: hotfix deploy takes it up"},
		{"nothing goes on", "", false, true, false, context.Canceled, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newScene(Run, Run)
			if test.answer != "" {
				s.person.answers = append(s.person.answers, test.answer)
			}
			ctx, interrupt := context.WithCancel(t.Context())
			paused := false
			g := going{s.step("redeploy", remote), &Left{What: "the engine goes on", Pause: func(ctx context.Context) error { paused = true; return ctx.Err() }}}
			g.doing, g.fail = interrupt, errors.New("cut off")
			if test.over {
				g.left = nil
			}
			r := s.runner(s.step("canary", remote), g)
			if test.alone {
				r.Prompt, r.Yes = nil, true
			}
			err := r.Run(ctx)
			if !errors.Is(err, test.class) || errors.Is(err, ErrRolledBack) != (test.class == ErrRolledBack) {
				t.Errorf("it ended with %v", err)
			}
			if asked := len(s.person.asked) > 0 && s.person.asked[len(s.person.asked)-1] == question; asked != test.asks {
				t.Errorf("asked %q", s.person.asked)
			}
			if test.says != "" && !s.events.has(EventNote, test.says) {
				t.Errorf("it does not say %q: %v", test.says, *s.events)
			}
			if paused != (test.answer == Pause) || s.world["canary"] != (test.answer != RollBack) {
				t.Errorf("paused %v, world %v", paused, s.world)
			}
			if outcome := s.log.entries[len(s.log.entries)-1].Facts["outcome"]; !strings.Contains("interrupted rolled back", outcome) {
				t.Errorf("the outcome is %q", outcome)
			}
		})
	}
}
