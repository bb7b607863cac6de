package gitflow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"hotfix/internal/flow"
)

// Start is the phase that leaves the user on the hotfix's branch, pushed: created from the release that it
// patches, or switched to if it exists here or on the remote.
type Start struct {
	Repository *Repository
	Settings   Settings // complete, as Repository.Settings returns them
	Version    string   // 16.03.1b
	From       string   // where to start instead: a branch, a tag or a commit
	// Creator tells who created the branch, where somebody was faster; nil or empty where that is not known.
	Creator func(ctx context.Context) string
}

var _ flow.Phase = (*Start)(nil)

// Name implements flow.Phase.
func (s *Start) Name() string { return "start" }

// startWorld is what Start looks at.
type startWorld struct {
	branch  string
	remote  remoteRefs
	tracked bool // the branch's upstream is set
	dirty   []string
	local
}

func (w startWorld) mine() string   { return w.here["refs/heads/"+w.branch] }
func (w startWorld) pushed() string { return w.remote.branch(w.branch) }

// Plan looks at this clone and asks the remote for its refs.
func (s *Start) Plan(ctx context.Context) ([]flow.Action, error) {
	scheme, err := ParseScheme(s.Settings.Versions)
	if err != nil {
		return nil, err
	}
	w, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.checkVersion(scheme, w); err != nil {
		return nil, err
	}
	if w.current == w.branch && w.pushed() != "" && w.tracked {
		return nil, flow.Nothing(fmt.Sprintf("already on %s, pushed", w.branch))
	}
	var actions []flow.Action
	if w.current != w.branch {
		action, err := s.arrive(ctx, scheme, w)
		if err != nil {
			return nil, err
		}
		actions = append(actions, action)
	}
	switch {
	case w.pushed() == "":
		actions = append(actions, s.push(w.branch))
	case len(actions) == 0:
		actions = append(actions, flow.Action{
			What: fmt.Sprintf("let %s follow %s/%s", w.branch, s.Settings.Remote, w.branch),
			Do: func(ctx context.Context, _ flow.Report) error {
				return s.Repository.track(ctx, s.Settings.Remote, w.branch)
			},
		})
	}
	return actions, nil
}

func (s *Start) look(ctx context.Context) (w startWorld, err error) {
	r := s.Repository
	w.branch = s.Settings.Branch(s.Version)
	if w.local, err = r.local(ctx); err != nil {
		return w, err
	}
	if w.remote, err = r.lsRemote(ctx, s.Settings.Remote); err != nil {
		return w, err
	}
	if w.tracked, err = r.tracked(ctx, s.Settings.Remote, w.branch); err != nil {
		return w, err
	}
	w.dirty, err = r.Uncommitted(ctx)
	return w, err
}

// checkVersion refuses a version of the wrong shape, and one that is released; both with the next free one.
func (s *Start) checkVersion(scheme Scheme, w startWorld) error {
	taken := s.tagged(w)
	wrong := scheme.Check(s.Version)
	if wrong == nil && !slices.Contains(taken, s.Version) {
		return nil
	}
	for _, prefix := range []string{"refs/heads/", "refs/remotes/" + s.Settings.Remote + "/"} {
		taken = append(taken, names(w.here, prefix+s.Settings.HotfixPrefix)...)
	}
	taken = append(taken, names(w.remote, "refs/heads/"+s.Settings.HotfixPrefix)...)
	hint := "git tag --list, for the versions there are"
	if next := scheme.Suggest(s.Version, taken); next != "" {
		hint = "hotfix start " + next
	}
	switch {
	case s.Version == "":
		wrong = fmt.Errorf("which version? It should have %s", scheme.words)
	case wrong == nil:
		wrong = fmt.Errorf("%s is taken: there is a tag %s", s.Version, s.Settings.Tag(s.Version))
	}
	return flow.Refuse(errors.New(wrong.Error()), hint)
}

// tagged are the versions that have a tag, here or on the remote.
func (s *Start) tagged(w startWorld) []string {
	prefix := "refs/tags/" + s.Settings.TagPrefix
	return slices.Concat(names(w.remote, prefix), names(w.here, prefix))
}

// startPoint is where a new branch begins.
type startPoint struct {
	name   string // as it is shown
	commit string
	ref    string // where the remote has it
}

// from finds it: the newest hotfix of the release, else the release, else production.
func (s *Start) from(ctx context.Context, scheme Scheme, w startWorld) (startPoint, error) {
	if s.From != "" {
		return s.given(ctx, w)
	}
	release := scheme.Release(s.Version)
	for _, version := range []string{scheme.Newest(release, s.tagged(w)), release} {
		tag := s.Settings.Tag(version)
		if commit := first(w.remote.tag(tag), w.here["refs/tags/"+tag]); version != "" && commit != "" {
			return startPoint{"tag " + tag, commit, "refs/tags/" + tag}, nil
		}
	}
	if commit := w.remote.branch(s.Settings.Production); commit != "" {
		return startPoint{s.Settings.Production, commit, "refs/heads/" + s.Settings.Production}, nil
	}
	return startPoint{}, flow.Refuse(
		fmt.Errorf("there is no tag of release %s on %s, and no branch %s", release, s.Settings.Remote, s.Settings.Production),
		"git config gitflow.branch.master NAME, or add --from REVISION")
}

// given is the start point that the user names: the remote's, if it has one of that name.
func (s *Start) given(ctx context.Context, w startWorld) (startPoint, error) {
	if commit := w.remote.tag(s.From); commit != "" {
		return startPoint{"tag " + s.From, commit, "refs/tags/" + s.From}, nil
	}
	if commit := w.remote.branch(s.From); commit != "" {
		return startPoint{s.From, commit, "refs/heads/" + s.From}, nil
	}
	commit, err := s.Repository.Resolve(ctx, s.From)
	return startPoint{name: s.From, commit: commit}, err
}
