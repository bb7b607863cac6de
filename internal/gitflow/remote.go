package gitflow

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// remoteRefs are what a remote has now: branches, tags by their object, and under a tag's name + "^{}" the commit.
type remoteRefs map[string]string

func (r remoteRefs) branch(name string) string { return r["refs/heads/"+name] }

// tag returns the commit that a tag names.
func (r remoteRefs) tag(name string) string {
	return first(r["refs/tags/"+name+"^{}"], r["refs/tags/"+name])
}

// names returns what stands after prefix in the names that have it, sorted.
func names(refs map[string]string, prefix string) []string {
	var found []string
	for ref := range refs {
		if name, ok := strings.CutPrefix(ref, prefix); ok && !strings.HasSuffix(ref, "^{}") {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// lsRemote tells at least these branches and tags of the remote; no full name means all of them.
func (r *Repository) lsRemote(ctx context.Context, remote string, full ...string) (remoteRefs, error) {
	if refs := r.heard.take(remote); refs != nil {
		return refs, nil
	}
	return r.ask(ctx, remote, full, "--heads", "--tags")
}

// ask asks the remote now.
func (r *Repository) ask(ctx context.Context, remote string, patterns []string, options ...string) (remoteRefs, error) {
	if err := r.heard.silence(remote); err != nil {
		return nil, err
	}
	start := time.Now()
	args := append(append([]string{"ls-remote"}, options...), remote)
	out, err := r.run(ctx, append(args, patterns...)...)
	switch {
	case ctx.Err() != nil:
		return nil, err
	case err != nil:
		return nil, r.heard.didNotAnswer(remote, unreachable(remote, err), time.Since(start))
	}
	refs := remoteRefs{}
	for _, line := range strings.Split(out, "\n") {
		if id, name, ok := strings.Cut(line, "\t"); ok {
			refs[name] = id
		}
	}
	return refs, nil
}

// ErrUnreachable is the class of errors where a remote does not answer.
var ErrUnreachable = errors.New("the remote does not answer")

// unreachable says what to try where a remote does not answer.
func unreachable(remote string, err error) error {
	return flow.Hint(flow.As(ErrUnreachable, fmt.Errorf("asking remote %s: %w", remote, err)),
		"see whether `git ls-remote "+remote+"` works in the repository")
}

// RemoteHead asks the remote for a branch's head; ok is false where the remote has no such branch.
func (r *Repository) RemoteHead(ctx context.Context, remote, branch string) (sha string, ok bool, err error) {
	refs, err := r.lsRemote(ctx, remote, "refs/heads/"+branch)
	sha = refs.branch(branch)
	return sha, sha != "", err
}

// Fetch brings the remote's branches, and their tags, here.
func (r *Repository) Fetch(ctx context.Context, remote string) error {
	if _, err := r.run(ctx, "fetch", "--quiet", remote); err != nil {
		return unreachable(remote, err)
	}
	return nil
}

// obtain fetches these refs, and only them, unless the commit is here.
func (r *Repository) obtain(ctx context.Context, remote, commit string, refs ...string) error {
	here, err := r.has(ctx, commit)
	if err != nil || here {
		return err
	}
	args := append([]string{"fetch", "--quiet", "--no-tags", remote}, refs...)
	if _, err := r.run(ctx, args...); err != nil {
		return unreachable(remote, err)
	}
	if here, err = r.has(ctx, commit); err == nil && !here {
		err = flow.Hint(fmt.Errorf("%s is no longer on %s", short(commit), remote), "run the same command again")
	}
	return err
}

// urlOf is the question for a remote's address, which is configured, and read once as the rest of that is.
type urlOf struct{ remote string }

// URL is where the remote is, without credentials.
func (r *Repository) URL(ctx context.Context, remote string) (string, error) {
	if known, ok := r.known.Load(urlOf{remote}); ok {
		return known.(string), nil
	}
	url, err := r.run(ctx, "remote", "get-url", remote)
	if err == nil {
		r.known.Store(urlOf{remote}, Redact(url))
	}
	return Redact(url), err
}

// has tells whether all these objects are here.
func (r *Repository) has(ctx context.Context, ids ...string) (bool, error) {
	out, err := r.git.pipe(ctx, r.dir, strings.NewReader(strings.Join(ids, "\n")), "cat-file", "--batch-check")
	return err == nil && !strings.Contains(out, " missing"), err
}
