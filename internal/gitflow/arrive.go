package gitflow

import (
	"context"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// arrive is the action that leads to the branch: create it, join a colleague's, or switch to it.
func (s *Start) arrive(ctx context.Context, scheme Scheme, w startWorld) (flow.Action, error) {
	if len(w.dirty) > 0 {
		return flow.Action{}, flow.Refuse(fmt.Errorf("there are uncommitted changes: %s", listed(w.dirty)),
			"git stash, or commit them first")
	}
	if tree, ok := w.trees[w.branch]; ok {
		return flow.Action{}, flow.Refuse(fmt.Errorf("%s is checked out in %s", w.branch, tree), "cd "+tree)
	}
	remote := s.Settings.Remote
	switch {
	case w.mine() == "" && w.pushed() == "":
		point, err := s.from(ctx, scheme, w)
		return flow.Action{
			What:    fmt.Sprintf("create %s from %s (%s) and switch to it", w.branch, point.name, short(point.commit)),
			Details: s.remarks(scheme, w, point),
			Do: func(ctx context.Context, report flow.Report) error {
				for _, remark := range s.remarks(scheme, w, point) {
					fmt.Fprintln(report, remark)
				}
				return s.checkout(ctx, w.branch, point)
			},
		}, err
	case w.mine() == "":
		point := startPoint{commit: w.pushed(), ref: tracking(remote, w.branch)}
		return flow.Action{
			What: fmt.Sprintf("join %s: switch to %s's branch (%s)", w.branch, remote, short(w.pushed())),
			Do:   func(ctx context.Context, _ flow.Report) error { return s.checkout(ctx, w.branch, point) },
		}, nil
	}
	return flow.Action{
		What: fmt.Sprintf("switch to %s (%s)", w.branch, short(w.mine())),
		Do:   func(ctx context.Context, report flow.Report) error { return s.switchTo(ctx, w, report) },
	}, nil
}

// remarks are what the user should know of a new branch: hotfixes of the same release that are not finished, since a
// branch that begins at a tag does not have them, and that production has left the release behind.
func (s *Start) remarks(scheme Scheme, w startWorld, point startPoint) []string {
	var remarks []string
	release := scheme.Release(s.Version)
	for _, version := range names(w.remote, "refs/heads/"+s.Settings.HotfixPrefix) {
		branch := s.Settings.Branch(version)
		if scheme.Release(version) == release {
			remarks = append(remarks, fmt.Sprintf("%s, of the same release, is not finished, and %s does not have it: "+
				"finish it first, or start with --from %s", branch, w.branch, branch))
		} else {
			remarks = append(remarks, branch+" is not finished either")
		}
	}
	if head := w.remote.branch(s.Settings.Production); strings.HasPrefix(point.ref, "refs/tags/") && head != point.commit {
		remarks = append(remarks, fmt.Sprintf("%s has more than %s: hotfix finish will merge into that, or take --tag-only",
			s.Settings.Production, point.name))
	}
	return remarks
}

// checkout creates the branch and switches to it. What AVH records comes first, so that a branch that exists is
// complete; switching is not interrupted, since half a checkout looks like the user's changes.
func (s *Start) checkout(ctx context.Context, branch string, point startPoint) error {
	r := s.Repository
	if err := r.obtain(ctx, s.Settings.Remote, point.commit, point.ref); err != nil {
		return err
	}
	if _, err := r.run(ctx, "config", "gitflow.branch."+branch+".base", s.Settings.Production); err != nil {
		return err
	}
	if err := r.track(ctx, s.Settings.Remote, branch); err != nil {
		return err
	}
	if _, err := r.run(ctx, "branch", "--no-track", branch, point.commit); err != nil {
		return err
	}
	return r.checkout(ctx, branch)
}

// switchTo switches to a branch that is here, after taking over what the remote has more of it.
func (s *Start) switchTo(ctx context.Context, w startWorld, report flow.Report) error {
	r := s.Repository
	if err := r.track(ctx, s.Settings.Remote, w.branch); err != nil {
		return err
	}
	if w.pushed() != "" && w.pushed() != w.mine() {
		if err := r.obtain(ctx, s.Settings.Remote, w.pushed(), tracking(s.Settings.Remote, w.branch)); err != nil {
			return err
		}
		behind, err := r.IsAncestor(ctx, w.mine(), w.pushed())
		if err != nil {
			return err
		}
		if behind {
			err = r.forward(ctx, w.branch, w.mine(), w.pushed())
		} else {
			fmt.Fprintf(report, "%s has commits that %s has not; nothing was merged\n", w.branch, s.Settings.Remote)
		}
		if err != nil {
			return err
		}
	}
	return r.checkout(ctx, w.branch)
}

// push is the action that creates the branch on the remote. Only one of two starters can: the lease says that the
// branch must not exist.
func (s *Start) push(branch string) flow.Action {
	remote, ref := s.Settings.Remote, "refs/heads/"+branch
	return flow.Action{
		What: fmt.Sprintf("push %s to %s and follow it", branch, remote),
		Do: func(ctx context.Context, report flow.Report) error {
			if err := s.Repository.track(ctx, remote, branch); err != nil {
				return err
			}
			out, err := s.Repository.push(ctx, "--force-with-lease="+ref+":", remote, ref+":"+ref)
			switch {
			case err != nil:
				return s.join(ctx, branch, report, fmt.Errorf("pushing %s to %s: %w", branch, remote, err))
			case strings.Contains(out, "=\t"+ref): // the same commit was there already
				s.tellJoined(ctx, branch, report)
			default:
				report.Fact("created", branch)
			}
			return nil
		},
	}
}

// join follows whoever was faster to create the branch; if nobody was, the push failed for a reason of its own.
func (s *Start) join(ctx context.Context, branch string, report flow.Report, failed error) error {
	r, remote := s.Repository, s.Settings.Remote
	if _, there, err := r.RemoteHead(ctx, remote, branch); err != nil || !there {
		return failed
	}
	if _, err := r.run(ctx, "fetch", "--quiet", "--no-tags", remote, tracking(remote, branch)); err != nil {
		return unreachable(remote, err)
	}
	if _, err := r.run(ctx, "merge", "--ff-only", "--quiet", "refs/remotes/"+remote+"/"+branch); err != nil {
		return flow.Hint(fmt.Errorf("%s was created on %s by someone else, from elsewhere: %w", branch, remote, err),
			fmt.Sprintf("git pull --rebase %s %s", remote, branch))
	}
	s.tellJoined(ctx, branch, report)
	return nil
}

func (s *Start) tellJoined(ctx context.Context, branch string, report flow.Report) {
	who := "someone else"
	if s.Creator != nil {
		who = first(s.Creator(ctx), who)
	}
	report.Fact("joined", branch)
	fmt.Fprintf(report, "%s created %s on %s a moment ago: joined\n", who, branch, s.Settings.Remote)
}
