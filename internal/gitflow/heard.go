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

	silent error     // why it does not answer,
	until  time.Time // and when it may be asked again
}

// didNotAnswer: that may take minutes to find out, and would be found out at every step. A remote that took its time is
// left alone for ten times as long, but asked again before a lock expires.
func (h *heard) didNotAnswer(remote string, err error, took time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remote, h.refs, h.silent = remote, nil, nil
	if took > time.Second {
		h.silent, h.until = err, time.Now().Add(min(10*took, Beat))
	}
	return err
}

// silence is why a remote has lately not answered; nil where it may be asked.
func (h *heard) silence(remote string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.remote != remote || time.Now().After(h.until) {
		return nil
	}
	return h.silent
}

// keep is for the next one to ask.
func (h *heard) keep(remote string, refs remoteRefs) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remote, h.refs, h.at, h.silent = remote, refs, time.Now(), nil
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
