package gitflow

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"hotfix/internal/flow"
)

// What a push of our own refs meets. Neither is said of a remote that does not answer.
var (
	errMoved   = errors.New("the remote's ref has moved")
	errRefused = errors.New("the remote refuses the ref")
)

// A move changes one of our own refs on the remote: from what it is known to be, to what it shall be. Empty: it
// does not exist.
type move struct{ ref, from, to string }

// send moves one of our own refs on the remote. The user's pre-push hook is about branches, and is not run.
func (r *Repository) send(ctx context.Context, remote string, m move) error {
	if err := r.heard.silence(remote); err != nil {
		return err
	}
	out, err := r.push(ctx, "--no-verify", "--no-signed", "--recurse-submodules=no",
		"--force-with-lease="+m.ref+":"+m.from, remote, m.to+":"+m.ref)
	switch {
	case err == nil && m.to != "" && strings.Contains(out, "=\t"):
		return nil
	case err == nil || ctx.Err() != nil:
		return err
	}
	// git's words differ from server to server: what the remote has now tells more.
	there, lookErr := r.remoteRef(ctx, remote, m.ref)
	switch {
	case lookErr != nil:
		return lookErr
	case there != m.from, strings.Contains(out, "stale info"), strings.Contains(out+err.Error(), "failed to update ref"),
		strings.Contains(out+err.Error(), "cannot lock ref"):
		return errMoved
	}
	return fmt.Errorf("%w %s: %w", errRefused, m.ref, err)
}

// remoteRef asks what a ref of the remote is at; empty where there is none.
func (r *Repository) remoteRef(ctx context.Context, remote, ref string) (string, error) {
	refs, err := r.ask(ctx, remote, []string{ref})
	return refs[ref], err
}

// take fetches what one of our own refs of the remote is at, and returns it; empty where the remote has none. It moves
// no ref here: two runs in one clone would be in each other's way. An object that is here may have come before its
// ancestors, of which another run's fetch is bringing more this moment: a ref's are complete.
func (r *Repository) take(ctx context.Context, remote, ref, id string) (string, error) {
	_, err := r.run(ctx, "fetch", "--quiet", "--no-tags", "--no-prune", "--no-write-fetch-head", "--no-auto-maintenance",
		"--recurse-submodules=no", "--refmap=", remote, ref)
	switch {
	case err != nil && gone(err):
		return "", nil
	case err != nil:
		return "", unreachable(remote, err)
	}
	if here, err := r.has(ctx, id); err != nil || here {
		return id, err
	}
	if id, err = r.remoteRef(ctx, remote, ref); err != nil || id == "" { // it was replaced meanwhile
		return id, err
	}
	return r.take(ctx, remote, ref, id)
}

// gone tells whether a fetch failed because the remote has no such ref: it had, a moment ago.
func gone(err error) bool { return strings.Contains(err.Error(), "couldn't find remote ref") }

// localRef is what a ref of this clone is at; empty where there is none.
func (r *Repository) localRef(ctx context.Context, ref string) string {
	id, _ := r.run(ctx, "rev-parse", "--verify", "--quiet", ref)
	return id
}

// record makes a commit that has nothing but a message. It is by whoever runs hotfix, also where git knows no name.
func (r *Repository) record(ctx context.Context, parent, message string) (string, error) {
	who := Who()
	view := r.with("GIT_AUTHOR_NAME="+who, "GIT_AUTHOR_EMAIL="+who, "GIT_COMMITTER_NAME="+who, "GIT_COMMITTER_EMAIL="+who)
	empty, err := r.emptyTree(ctx)
	if err != nil {
		return "", err
	}
	args := []string{"-c", "i18n.commitEncoding=UTF-8", "commit-tree", empty}
	if parent != "" {
		args = append(args, "-p", parent)
	}
	id, err := view.git.pipe(ctx, r.dir, strings.NewReader(message), args...)
	return strings.TrimSpace(id), err
}

// emptyTree makes the tree of such commits, once.
func (r *Repository) emptyTree(ctx context.Context) (string, error) {
	if id, ok := r.known.Load("empty tree"); ok {
		return id.(string), nil
	}
	out, err := r.git.pipe(ctx, r.dir, nil, "mktree")
	id := strings.TrimSpace(out)
	if err == nil {
		r.known.Store("empty tree", id)
	}
	return id, err
}

// messages are those of a commit and its ancestors, oldest first.
func (r *Repository) messages(ctx context.Context, tip string) ([]string, error) {
	out, err := r.run(ctx, "-c", "i18n.logOutputEncoding=UTF-8", "log", "-z", "--reverse", "--no-show-signature",
		"--format=%B", tip, "--")
	if err != nil {
		return nil, flow.Hint(fmt.Errorf("reading %s: %w", short(tip), err), "git fsck")
	}
	return fields(out), nil
}
