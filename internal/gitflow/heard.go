package gitflow

import (
	"context"
	"sync"
	"time"
)

// heard is what a remote has just been asked, for whoever asks next: the log is read before anything is planned, and
// asking takes as long as all the rest where the remote is far away. It is told once, while it is fresh, and not after
// a push: plans that are made again look again.
type heard struct {
	mu     sync.Mutex
	remote string
	refs   remoteRefs
	at     time.Time
}

// keep is for the next one to ask.
func (h *heard) keep(remote string, refs remoteRefs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remote, h.refs, h.at = remote, refs, time.Now()
}

// take returns what this remote has; nil where it must be asked.
func (h *heard) take(remote string) remoteRefs {
	h.mu.Lock()
	defer h.mu.Unlock()
	refs := h.refs
	h.refs = nil
	if h.remote != remote || time.Since(h.at) > certain {
		return nil
	}
	return refs
}

// listen asks the remote for all that matters here, our own refs included.
func (r *Repository) listen(ctx context.Context, remote string) (remoteRefs, error) {
	refs, err := r.ask(ctx, remote, []string{"refs/heads/*", "refs/tags/*", "refs/hotfix/*"})
	if err == nil {
		r.heard.keep(remote, refs)
	}
	return refs, err
}

// push runs `git push`. What was heard of the remote before is no longer so.
func (r *Repository) push(ctx context.Context, args ...string) (string, error) {
	defer r.heard.keep("", nil)
	return r.git.pipe(ctx, r.dir, nil, append([]string{"push", "--porcelain", "--no-follow-tags"}, args...)...)
}
