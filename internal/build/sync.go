package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"hotfix/internal/flow"
)

// Sync is the phase that makes the build directory hold exactly what the remote has: the commit, the private
// files it needs, what is prepared from them, and nothing else.
type Sync struct {
	Git        Git
	Repository string // the user's checkout, absolute
	Remote     string // its remote: origin
	Commit     string // the hotfix commit, in full: what the remote has
	Directory  Directory
	Prepare    []Command
	Variables  *Variables
	Cache      string // where the outputs of prepare commands are kept
	InService  InService
	Published  Published // nil: nobody knows
	// Unpushed lists the commits of the local branch that the remote does not have, one a line. nil: none.
	Unpushed func(context.Context) ([]string, error)
}

// Name implements flow.Phase.
func (s *Sync) Name() string { return "sync" }

// Plan implements flow.Phase.
func (s *Sync) Plan(ctx context.Context) ([]flow.Action, error) {
	if err := s.refuseUnpushed(ctx); err != nil {
		return nil, err
	}
	if s.Published != nil {
		if why, ok, err := s.Published.Published(ctx); err != nil {
			return nil, err
		} else if ok {
			return nil, flow.Nothing(why)
		}
	}
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	if err := s.privateReadable(ctx); err != nil {
		return nil, err
	}
	stale, err := s.stale(ctx)
	if err != nil {
		return nil, err
	}
	if stale == "" {
		return nil, flow.Nothing("holds " + short(s.Commit))
	}
	return s.actions(ctx, stale), nil
}

func (s *Sync) refuseUnpushed(ctx context.Context) error {
	if s.Unpushed == nil {
		return nil
	}
	commits, err := s.Unpushed(ctx)
	if err != nil || len(commits) == 0 {
		return err
	}
	return flow.Refuse(fmt.Errorf("not pushed yet:\n  %s", strings.Join(commits, "\n  ")), "git push")
}

// stale says why the directory has to be synced; empty: it need not be.
func (s *Sync) stale(ctx context.Context) (string, error) {
	stamp, err := s.Directory.Stamp()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it was not synced to its end before", nil
	case err != nil:
		return "its stamp can't be read", nil
	case stamp.Commit != s.Commit:
		return "it holds " + short(stamp.Commit), nil
	case stamp.Inputs != s.inputs():
		return "copies, prepare commands or variables in hotfix.yml have changed", nil
	}
	if head, err := s.git(ctx, "rev-parse", "HEAD"); err != nil || strings.TrimSpace(head) != s.Commit {
		return "its HEAD has moved", nil
	}
	if changed, err := s.privateChanged(); changed != "" || err != nil {
		return changed + " has changed", err
	}
	content, err := s.Directory.Content(ctx)
	if err != nil {
		return "", err
	}
	if content != stamp.Content {
		return "its files were changed since", nil
	}
	return "", nil
}

// actions are the sync and the prepare commands. The last one to be done seals the directory.
func (s *Sync) actions(ctx context.Context, stale string) []flow.Action {
	what, details := s.describe(ctx)
	all := []flow.Action{{What: what, Details: append([]string{"because " + stale}, details...), Do: s.sync}}
	for _, command := range s.Prepare {
		all = append(all, s.prepareAction(ctx, command))
	}
	for i, action := range all {
		last := i == len(all)-1
		all[i].Do = func(ctx context.Context, report flow.Report) error {
			unlock, err := s.Directory.Lock()
			if err != nil {
				return err
			}
			defer unlock()
			if err := action.Do(ctx, report); err != nil || !last {
				return err
			}
			return s.seal(ctx, report)
		}
	}
	return all
}

// describe says what the sync is about, with the changed files where they are known.
func (s *Sync) describe(ctx context.Context) (string, []string) {
	what := fmt.Sprintf("sync %s to %s", s.Directory.Path, short(s.Commit))
	if !s.Directory.cloned() {
		return what + " (new)", nil
	}
	head, err := s.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return what, nil
	}
	files, err := s.Git.Run(ctx, s.Repository, "diff", "--name-only", "--no-renames", "-z", strings.TrimSpace(head), s.Commit)
	if err != nil { // the commit is not here yet: it is fetched first
		return what, nil
	}
	changed := fields(files)
	if len(changed) == 1 {
		return what + " (1 file changed)", changed
	}
	return fmt.Sprintf("%s (%d files changed)", what, len(changed)), changed
}

// fields splits what git -z prints.
func fields(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == 0 })
}

func short(commit string) string { return commit[:min(7, len(commit))] }
