package flow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// confirm asks whether a plan may run, and returns the plan that was agreed to: where the answer took a while
// the world is looked at again, and a plan that has changed is asked about again.
func (r *Runner) confirm(ctx context.Context, p Phase, actions []Action) (string, []Action, error) {
	t := traits(p)
	for {
		asked := time.Now()
		answer, err := r.mayRun(ctx, p, t, actions)
		if err != nil || answer == Skip {
			return answer, nil, err
		}
		if time.Since(asked) < patience {
			return answer, actions, nil
		}
		now, _, err := r.pending(ctx, p)
		if err != nil || same(now, actions) {
			return answer, now, err
		}
		r.emit(Event{Kind: EventNote, Phase: p.Name(), What: "the plan has changed since it was shown"})
		if actions, err = r.plan(ctx, p); err != nil || len(actions) == 0 {
			return answer, actions, err
		}
	}
}

// mayRun returns Run, Skip or an error.
func (r *Runner) mayRun(ctx context.Context, p Phase, t Traits, actions []Action) (string, error) {
	if t.Confirm != "" {
		return r.typed(ctx, p, t)
	}
	asks := asking(actions)
	if r.Yes && len(asks) > 0 {
		return "", Hint(As(ErrStopped, fmt.Errorf("%s: %s", p.Name(), strings.Join(asks, "\n"))), "look at it in a terminal: "+r.About.Again)
	}
	if len(asks) == 0 && (r.Yes || r.settled) {
		return Run, nil
	}
	choices, fallback := []string{Run}, Run
	if t.Remote || len(asks) > 0 {
		fallback = Stop
	}
	if len(asks) == 0 && uncalled(p, actions) != "" {
		fallback = Skip
	}
	if r.gateAhead(p) {
		choices = append(choices, RunToCanary)
	}
	choices = append(choices, Details)
	if t.Optional {
		choices = append(choices, Skip)
	}
	for {
		answer, err := r.menu(ctx, r.at(p.Name()), asks, append(choices, Stop, fallback)...)
		switch {
		case err != nil:
			return "", err
		case answer == Details:
			r.details(p, actions)
			continue
		case answer == RunToCanary:
			r.settled = true
			return Run, nil
		case answer == Stop:
			return "", r.stopped()
		case answer == RollBack:
			return "", r.takeBack(ctx, nil)
		}
		return answer, nil
	}
}

// asking are the reasons why a person must agree, with what there is to look at.
func asking(actions []Action) (reasons []string) {
	for _, a := range actions {
		if a.Asks != "" {
			reasons = append(append(reasons, a.Asks), a.Details...)
		}
	}
	return reasons
}

// menu asks with the choices given, the last of which is the default, and after the first change with the ways
// to look and to take back as well. It does the looking itself.
func (r *Runner) menu(ctx context.Context, title string, lines []string, choices ...string) (string, error) {
	fallback := choices[len(choices)-1]
	choices = choices[:len(choices)-1]
	var looks []Look
	if r.changed {
		looks = r.Looks
	}
	return r.choose(ctx, Question{Title: title, Lines: lines, Choices: r.withBack(choices, looks), Default: fallback}, looks)
}

// withBack puts the looks and, where something can be taken back, Roll back before Stop.
func (r *Runner) withBack(choices []string, looks []Look) []string {
	all := slices.DeleteFunc(slices.Clone(choices), func(c string) bool { return c == Stop })
	for _, l := range looks {
		all = append(all, l.Name)
	}
	if r.changed && len(r.Back) > 0 {
		all = append(all, RollBack)
	}
	return append(all, Stop)
}

// choose asks until the answer is no look, checks it, and writes it down.
func (r *Runner) choose(ctx context.Context, q Question, looks []Look) (string, error) {
	for {
		answer, err := r.Prompt.Choose(ctx, q)
		if err != nil {
			return "", err
		}
		if !slices.Contains(q.Choices, answer) {
			return "", fmt.Errorf("%q is no answer to %q", answer, q.Title)
		}
		r.emit(Event{Kind: EventAnswer, What: q.Title, Value: answer})
		i := slices.IndexFunc(looks, func(l Look) bool { return l.Name == answer })
		if i < 0 {
			return answer, r.record(ctx, Entry{Kind: Answered, Facts: map[string]string{"question": q.Title, "answer": answer}})
		}
		if err := looks[i].Do(ctx); err != nil {
			r.emit(Event{Kind: EventNote, What: answer + ": " + err.Error()})
		}
	}
}

// typed asks for the name to be typed. --yes does not type it; --confirm does.
func (r *Runner) typed(ctx context.Context, p Phase, t Traits) (string, error) {
	if r.Confirm == t.Confirm {
		return Run, nil
	}
	if r.Prompt == nil || r.Yes {
		return "", untyped(p, t.Confirm)
	}
	title := fmt.Sprintf("%s: type %s to go on, nothing to stop", r.at(p.Name()), t.Confirm)
	if t.Optional {
		title = fmt.Sprintf("%s: type %s to go on, skip to leave it out, nothing to stop", r.at(p.Name()), t.Confirm)
	}
	for {
		answer, err := r.Prompt.Type(ctx, title)
		if err != nil {
			return "", err
		}
		r.emit(Event{Kind: EventAnswer, What: title, Value: answer})
		switch {
		case answer == t.Confirm:
			return Run, nil
		case answer == "skip" && t.Optional:
			return Skip, nil
		case answer == "":
			return "", r.stopped()
		}
	}
}

// untyped is the refusal where a name would have to be typed and nobody can.
func untyped(p Phase, name string) error {
	return Refuse(fmt.Errorf("%s wants %q to be typed", p.Name(), name), "add --confirm "+name)
}

// settle asks about what was begun and has no end in the log: --yes does not answer it.
func (r *Runner) settle(ctx context.Context, p Phase, actions []Action) ([]Action, error) {
	var left []Action
	for _, a := range actions {
		begun, unsure := r.history.Unsure(a.Key)
		if a.Key == "" || a.Seen || !unsure {
			left = append(left, a)
			continue
		}
		happened, err := r.askUnsure(ctx, p, begun)
		if err != nil {
			return nil, err
		}
		if !happened {
			left = append(left, a)
		}
	}
	return left, nil
}

func (r *Runner) askUnsure(ctx context.Context, p Phase, begun Entry) (happened bool, err error) {
	story := fmt.Sprintf("%q was begun by %s at %s, and nobody saw its end", begun.What, begun.Who, begun.Time.Format(time.DateTime))
	if r.Prompt == nil || r.Yes {
		return false, Hint(As(ErrStopped, errors.New(story)), "find out whether it happened, then run it in a terminal: "+r.About.Again)
	}
	const yes, no = "It happened", "Run it again"
	answer, err := r.choose(ctx, Question{Title: r.at(p.Name()), Lines: []string{story}, Choices: []string{yes, no, Stop}, Default: Stop}, nil)
	switch {
	case err != nil:
		return false, err
	case answer == yes:
		return true, r.record(ctx, Entry{Kind: Done, Phase: p.Name(), Key: begun.Key, What: begun.What,
			Facts: map[string]string{"says": r.About.Who}})
	case answer == no:
		return false, nil
	}
	return false, r.stopped()
}

func (r *Runner) details(p Phase, actions []Action) {
	for _, a := range actions {
		r.emit(Event{Kind: EventNote, Phase: p.Name(), What: a.What})
		for _, line := range a.Details {
			r.emit(Event{Kind: EventNote, Phase: p.Name(), What: "  " + line})
		}
	}
	for _, line := range r.Further {
		r.emit(Event{Kind: EventNote, Phase: p.Name(), What: line})
	}
}

func (r *Runner) stopped() error {
	return Hint(As(ErrStopped, errors.New("stopped; nothing is lost")), r.About.Again+" goes on from here")
}
