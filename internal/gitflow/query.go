package gitflow

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// A Commit as it is listed.
type Commit struct {
	Hash    string
	Subject string
	Author  string
	When    time.Time
}

// String is the commit's short id and subject.
func (c Commit) String() string { return short(c.Hash) + " " + c.Subject }

// CurrentBranch is the branch that is checked out; empty when none is.
func (r *Repository) CurrentBranch(ctx context.Context) (string, error) {
	branch, err := r.run(ctx, "symbolic-ref", "--quiet", "--short", "HEAD")
	if exitCode(err) == 1 {
		return "", nil
	}
	return branch, err
}

var errUnknown = errors.New("unknown commit")

var hexadecimal = regexp.MustCompile(`^[0-9a-f]{4,64}$`)

// abbreviation is the question which commit is meant by an id, in full or not. It is asked once a run.
type abbreviation struct{ id string }

// Resolve returns the full id of a commit that is named by a branch, a tag, HEAD, or an abbreviated id.
func (r *Repository) Resolve(ctx context.Context, rev string) (string, error) {
	if known, ok := r.known.Load(abbreviation{rev}); ok {
		return known.(string), nil
	}
	refs, err := r.refs(ctx)
	if err != nil {
		return "", err
	}
	for _, prefix := range []string{"", "refs/tags/", "refs/heads/", "refs/remotes/"} {
		if id := refs[prefix+rev]; id != "" {
			return id, nil
		}
	}
	if !hexadecimal.MatchString(rev) {
		id, err := r.run(ctx, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
		if err != nil {
			return "", unknown(rev)
		}
		return id, nil
	}
	ids, err := r.abbreviated(ctx, rev)
	switch {
	case err != nil:
		return "", err
	case len(ids) == 0:
		return "", unknown(rev)
	case len(ids) > 1:
		return "", flow.Refuse(fmt.Errorf("%s is ambiguous: %s", rev, strings.Join(ids, ", ")), "give more digits of it")
	}
	r.known.Store(abbreviation{rev}, ids[0])
	return ids[0], nil
}

func unknown(rev string) error {
	return flow.Refuse(fmt.Errorf("%w: %s", errUnknown, rev), "git fetch, or see `git log` for what there is")
}

// descent is the question whether a commit has everything that an older one has. Its answer never changes.
type descent struct{ old, new string }

// IsAncestor tells whether new has everything that old has. Both are full ids. git knows its commit graph: go-git
// takes ten times as long.
func (r *Repository) IsAncestor(ctx context.Context, old, new string) (bool, error) {
	if answer, ok := r.known.Load(descent{old, new}); ok || old == new {
		return old == new || answer.(bool), nil
	}
	_, err := r.run(ctx, "merge-base", "--is-ancestor", old, new)
	if err != nil && exitCode(err) != 1 {
		return false, err
	}
	r.known.Store(descent{old, new}, err == nil)
	return err == nil, nil
}

// ChangedFiles lists the paths that differ between two commits.
func (r *Repository) ChangedFiles(ctx context.Context, a, b string) ([]string, error) {
	return r.changed(ctx, a, b)
}

// File returns a file's content at a revision, without a checkout; fs.ErrNotExist where it has none.
func (r *Repository) File(ctx context.Context, rev, path string) ([]byte, error) {
	commit, err := r.Resolve(ctx, rev)
	if err != nil {
		return nil, err
	}
	return r.file(ctx, commit, path)
}

// Commits lists what to has and from has not, newest first; an empty from is the beginning.
func (r *Repository) Commits(ctx context.Context, from, to string) ([]Commit, error) {
	if from == "" {
		return r.log(ctx, to)
	}
	return r.log(ctx, to, "--not", from)
}

// Unpushed lists the commits of a local branch that the remote's branch has not, as far as is known without
// fetching. A branch that the remote lacks has unpushed whatever is on none of the remote's branches.
func (r *Repository) Unpushed(ctx context.Context, remote, branch string) ([]Commit, error) {
	head, ok, err := r.RemoteHead(ctx, remote, branch)
	if err != nil {
		return nil, err
	}
	pushed := "--remotes=" + remote
	if ok {
		here, err := r.has(ctx, head)
		if err != nil {
			return nil, err
		}
		if here {
			pushed = head
		}
	}
	return r.log(ctx, "refs/heads/"+branch, "--not", pushed)
}

func (r *Repository) log(ctx context.Context, revs ...string) ([]Commit, error) {
	args := append([]string{"log", "-z", "--no-show-signature", "--format=%H%n%aN%n%ct%n%s"}, revs...)
	out, err := r.run(ctx, append(args, "--")...)
	if err != nil {
		return nil, err
	}
	var commits []Commit
	for _, entry := range fields(out) {
		line := strings.SplitN(entry, "\n", 4)
		var seconds int64
		if len(line) != 4 {
			return nil, fmt.Errorf("unexpected line of git log: %q", entry)
		}
		if _, err := fmt.Sscan(line[2], &seconds); err != nil {
			return nil, fmt.Errorf("unexpected time of commit %s: %q", line[0], line[2])
		}
		commits = append(commits, Commit{Hash: line[0], Author: line[1], When: time.Unix(seconds, 0), Subject: line[3]})
	}
	return commits, nil
}

// Uncommitted lists changed files that git tracks; untracked files and the inside of submodules don't count.
func (r *Repository) Uncommitted(ctx context.Context) ([]string, error) {
	out, err := r.run(ctx, "--no-optional-locks", "status", "--porcelain", "-z", "--no-renames",
		"--untracked-files=no", "--ignore-submodules=all")
	var paths []string
	for _, entry := range fields(out) {
		if len(entry) > 3 {
			paths = append(paths, entry[3:])
		}
	}
	return paths, err
}
