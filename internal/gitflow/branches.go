package gitflow

import (
	"context"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// A local is what this clone has.
type local struct {
	here    map[string]string // branches, tags and remote branches by their full names, with their commits
	trees   map[string]string // branches that are checked out in some working tree, and where
	current string            // branch of this one; empty where none is checked out
}

// local asks git once for all of it.
func (r *Repository) local(ctx context.Context) (local, error) {
	out, err := r.run(ctx, "for-each-ref", "--format=%(refname)%00%(objectname)%00%(*objectname)%00%(worktreepath)%00%(HEAD)",
		"refs/heads", "refs/tags", "refs/remotes")
	l := local{here: map[string]string{}, trees: map[string]string{}}
	for _, line := range strings.Split(out, "\n") {
		field := strings.Split(line, "\x00")
		if len(field) != 5 {
			continue
		}
		branch, isBranch := strings.CutPrefix(field[0], "refs/heads/")
		l.here[field[0]] = first(field[2], field[1]) // what a tag comes down to
		if isBranch && field[3] != "" {
			l.trees[branch] = field[3]
		}
		if isBranch && field[4] == "*" {
			l.current = branch
		}
	}
	return l, err
}

// checkout switches to a branch. It is not interrupted: half a checkout looks like the user's own changes.
func (r *Repository) checkout(ctx context.Context, branch string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, stop := flow.Cleanup(ctx)
	defer stop()
	_, err := r.run(ctx, "checkout", "--quiet", branch, "--")
	return err
}

// forward moves a branch that is checked out nowhere to a descendant of old.
func (r *Repository) forward(ctx context.Context, branch, old, new string) error {
	_, err := r.run(ctx, "update-ref", "-m", "hotfix: fast-forward", "refs/heads/"+branch, new, old)
	return err
}

// track lets the branch follow the remote's branch of the same name.
func (r *Repository) track(ctx context.Context, remote, branch string) error {
	for _, pair := range upstream(remote, branch) {
		if _, err := r.run(ctx, "config", pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Repository) tracked(ctx context.Context, remote, branch string) (bool, error) {
	for _, pair := range upstream(remote, branch) {
		value, err := r.run(ctx, "config", "--get", pair[0])
		if err != nil && exitCode(err) != 1 {
			return false, err
		}
		if value != pair[1] {
			return false, nil
		}
	}
	return true, nil
}

func upstream(remote, branch string) [][2]string {
	return [][2]string{
		{"branch." + branch + ".remote", remote},
		{"branch." + branch + ".merge", "refs/heads/" + branch},
	}
}

// tracking is the refspec that fetches a branch, also into a clone that tracks only some branches.
func tracking(remote, branch string) string {
	return "+refs/heads/" + branch + ":refs/remotes/" + remote + "/" + branch
}

// listed names a few of many.
func listed(items []string) string {
	const some = 5
	if len(items) <= some {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:some], ", "), len(items)-some)
}
