package gitflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"hotfix/internal/flow"
)

// lockRef is the lock on the remote: a commit whose message is its Holder.
const lockRef = "refs/hotfix/lock"

// The lock's clock.
const (
	Beat   = 30 * time.Second // how often its holder renews it
	Expiry = 90 * time.Second // after so long a silence it is free
)

// SharedLock makes one runner a project: a ref on the remote that only one can create. While its run lives it is
// renewed; after a silence it is free for the next. Within one clone, the file lock holds as well.
type SharedLock struct {
	Wait   bool                                                     // for whoever holds it
	Alone  bool                                                     // where the remote takes no lock, this clone's will do,
	Urgent bool                                                     // and where it does not answer, too
	Ask    func(ctx context.Context, holder string) (Answer, error) // what to do; nil: nobody to ask
	Note   func(text string)
	Log    *SharedLog // read anew once the lock is ours: what others did meanwhile counts

	Beat, Expiry time.Duration // zero: the usual ones

	local  *Lock
	repo   *Repository
	quiet  *Repository
	remote string

	mu     sync.Mutex
	holder Holder
	id     string    // what our ref is at; empty: not ours, or the remote takes none
	sure   time.Time // when it was ours for certain
	lost   error
	stop   func()        // ends the heartbeat
	news   chan struct{} // what the ref says is no longer so: the heartbeat renews it at once
}

var _ flow.Lock = (*SharedLock)(nil)

// An Answer to the question what to do about a lock that someone holds.
type Answer int

// The answers.
const (
	Stop Answer = iota
	WaitForIt
	TakeOver
)

// SharedLock is the project's lock on a remote, not taken yet.
func (r *Repository) SharedLock(remote, command string) *SharedLock {
	quiet := *r
	quiet.git.Interactive = false
	return &SharedLock{local: r.Lock(command), repo: r, quiet: &quiet, remote: remote, Beat: Beat, Expiry: Expiry,
		news: make(chan struct{}, 1)}
}

// Acquire takes the lock, or returns a flow.ErrLocked that says who holds it.
func (l *SharedLock) Acquire(ctx context.Context) error {
	if err := l.queue(ctx, l.tryLocal); err != nil {
		return err
	}
	err := l.queue(ctx, l.tryRemote)
	if errors.Is(err, errRefused) || l.Urgent && errors.Is(err, ErrUnreachable) {
		err = l.goLocal(err)
	}
	if err != nil {
		return errors.Join(err, l.local.Release(context.WithoutCancel(ctx)))
	}
	if l.Log != nil {
		l.Log.Refresh()
	}
	return nil
}

// goLocal says that the lock holds in this clone alone.
func (l *SharedLock) goLocal(refused error) error {
	if !l.Alone {
		return flow.Hint(fmt.Errorf("nobody would see that this run is under way: %w", refused),
			"let the server accept "+lockRef+", or run it in a terminal, where you can tell the others")
	}
	l.note("the lock holds in this clone only; tell the others: %v", refused)
	return nil
}

// tryLocal takes this clone's lock.
func (l *SharedLock) tryLocal(ctx context.Context, over *held) (*held, error) {
	if over != nil {
		if _, _, err := l.local.Unlock(ctx); err != nil {
			return nil, err
		}
	}
	err := l.local.Acquire(ctx)
	if !errors.Is(err, flow.ErrLocked) {
		return nil, err
	}
	return &held{Holder: l.local.holder()}, nil
}

// tryRemote creates the ref, or replaces what it is taken over from.
func (l *SharedLock) tryRemote(ctx context.Context, over *held) (*held, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := ""
	if over != nil {
		from = over.id
	}
	l.lost = nil
	l.holder = Holder{Who: Who(), PID: os.Getpid(), Since: time.Now().UTC(), Command: l.local.Command,
		Phase: l.holder.Phase, Clone: l.repo.cloneID()}
	for {
		err := l.write(ctx, l.repo, from)
		if err == nil {
			l.beat()
		}
		if !errors.Is(err, errMoved) {
			return nil, err
		}
		if who, err := l.look(ctx, l.repo); err != nil || who != nil {
			return who, err
		}
		from = "" // it was given back this moment: once more
	}
}

// look asks the remote who holds the lock; nil: nobody.
func (l *SharedLock) look(ctx context.Context, repo *Repository) (*held, error) {
	id, err := repo.remoteRef(ctx, l.remote, lockRef)
	if err == nil && id != "" {
		id, err = repo.take(ctx, l.remote, lockRef, id)
	}
	if err != nil || id == "" {
		return nil, err
	}
	messages, err := repo.messages(ctx, id)
	if err != nil {
		return nil, err
	}
	who := &held{id: id}
	if err := json.Unmarshal([]byte(strings.Join(messages, "")), &who.Holder); err != nil {
		who.Who = "someone" // it is locked, whatever it says
	}
	// This clone's lock is ours, so the run that wrote this here has ended without giving it back.
	who.gone = who.Clone == l.repo.cloneID()
	return who, nil
}
