package flow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Again is the answer that lets a commit be deployed that was rolled back.
const Again = "Deploy it again"

// agree asks before a commit that was rolled back is deployed again. --yes does not answer it, --again does; once
// answered, it is not asked until the next rollback.
func (r *Runner) agree(ctx context.Context) error {
	back, is := r.rolledBack()
	if !is {
		return nil
	}
	story := r.history.whyRolledBack(back)
	if !r.Options.Again && (r.Prompt == nil || r.Yes) {
		return Hint(As(ErrStopped, errors.New(story)), "commit what mends it, or deploy it as it is: "+r.About.Again+" --again")
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if !r.Options.Again {
		q := Question{Title: r.at(r.About.Command), Lines: []string{story}, Choices: []string{Again, Stop}, Default: Stop}
		if answer, err := r.choose(ctx, q, nil); err != nil || answer == Stop {
			return errors.Join(err, r.stopped())
		}
	}
	return r.record(ctx, Entry{Kind: Answered, Key: Again, What: story, Facts: map[string]string{"question": story, "answer": Again}})
}

// rolledBack returns the entry that says that took this commit back, where nobody has agreed since to have it
// again. What counts is the commit that had reached the stack, not the one that the branch had meanwhile.
func (r *Runner) rolledBack() (back Entry, is bool) {
	reached, any := "", false
	for _, e := range r.history {
		switch p, err := r.named(e.Phase); {
		case e.Kind == Begun && err == nil && traits(p).TakeBack && e.Command == r.About.Command:
			reached, any = e.Commit, true
		case e.tookBack() && any && reached == r.About.Commit:
			back, is = e, true
		case e.Kind == Answered && e.Key == Again && e.Commit == r.About.Commit:
			is = false
		}
	}
	return back, is && r.takesBack()
}

// tookBack tells whether something was taken back here: by an action, or by a rollback that found it taken back already.
func (e Entry) tookBack() bool {
	return e.Command == "rollback" && (e.Kind == Done || e.Kind == Ended && e.Facts["outcome"] == "done")
}

// takesBack tells whether this run may change what a rollback would take back.
func (r *Runner) takesBack() bool {
	for _, p := range r.chosen() {
		if traits(p).TakeBack && len(r.Back) > 0 {
			return true
		}
	}
	return false
}

// whyRolledBack says who rolled back, when, and why, as far as the run that did it tells.
func (h History) whyRolledBack(back Entry) string {
	story := fmt.Sprintf("%.7s was rolled back by %s at %s", back.Commit, back.Who, back.Time.Local().Format(time.DateTime))
	run := h.keep(func(e Entry) bool { return e.Run == back.Run })
	if failed, ok := run.Last(Failed); ok {
		return story + ": " + failed.Error
	}
	if began, ok := run.Last(Started); ok && began.Facts["reason"] != "" {
		return story + ": " + began.Facts["reason"]
	}
	return story
}
