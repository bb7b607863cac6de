package gitflow

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"hotfix/internal/flow"
)

// certain is how long a look at the lock holds.
const certain = 2 * time.Second

// write puts our name on the remote, in place of from.
func (l *SharedLock) write(ctx context.Context, repo *Repository, from string) error {
	l.holder.Renewed = time.Now().UTC()
	text, err := json.Marshal(l.holder)
	if err != nil {
		return err
	}
	id, err := repo.record(ctx, "", string(text)+"\n")
	if err != nil {
		return err
	}
	if err := repo.send(ctx, l.remote, move{lockRef, from, id}); err != nil {
		return err
	}
	l.id = id
	l.confirmed()
	return nil
}

// confirmed: it is ours now. The wall's clock, since the other one stands still while a laptop sleeps.
func (l *SharedLock) confirmed() { l.sure = time.Now().Round(0) }

// beat renews the lock while the run lives.
func (l *SharedLock) beat() {
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-l.news:
			case <-time.After(l.Beat):
			}
			l.renew(ctx)
		}
	}()
}

func (l *SharedLock) renew(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(l.Beat, 10*time.Second))
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.id == "" || l.lost != nil {
		return
	}
	if err := l.write(ctx, l.quiet, l.id); errors.Is(err, errMoved) {
		_ = l.compare(ctx, l.quiet) // what can't be asked now is asked before the next action
	}
}

// Phase is what the lock says that its run is at. The ref says so a moment later: the run does not wait for it.
func (l *SharedLock) Phase(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder.Phase == name {
		return
	}
	l.holder.Phase = name
	if l.id == "" {
		return // it is told as the lock is taken
	}
	select {
	case l.news <- struct{}{}:
	default: // it is about to be renewed
	}
}

// Held returns an error once the lock is no longer ours. Where the remote does not answer, nobody can have taken it
// before it expires.
func (l *SharedLock) Held(ctx context.Context) error {
	if err := l.local.Held(ctx); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	unseen := time.Since(l.sure)
	if l.id == "" || l.lost != nil || unseen < min(certain, l.Beat) {
		return l.lost
	}
	err := l.compare(ctx, l.repo)
	switch {
	case l.lost != nil:
		return l.lost
	case err == nil && unseen > l.Beat: // it slept, or could not be renewed
		err = l.write(ctx, l.repo, l.id)
	}
	if err != nil && unseen < l.Expiry && ctx.Err() == nil {
		return nil
	}
	return err
}

// compare asks the remote whether the lock is ours.
func (l *SharedLock) compare(ctx context.Context, repo *Repository) error {
	id, err := repo.remoteRef(ctx, l.remote, lockRef)
	if err != nil {
		return fmt.Errorf("looking at the lock: %w", err)
	}
	if id == l.id {
		l.confirmed()
		return nil
	}
	who, err := l.look(ctx, repo)
	switch {
	case err != nil:
		return fmt.Errorf("looking at the lock: %w", err)
	case who != nil && who.Clone == l.holder.Clone && who.PID == l.holder.PID && who.Since.Equal(l.holder.Since):
		l.id = who.id // a renewal arrived whose answer did not
		l.confirmed()
		return nil
	}
	by := "it was taken away"
	if who != nil {
		by = "now " + who.String()
	}
	l.lost = flow.Hint(flow.As(flow.ErrLocked, fmt.Errorf("this run has lost its lock: %s", by)),
		"see what happened with `hotfix history`, then run the same command again")
	return nil
}

// Release gives the lock back; one that was taken away stays with whoever has it now.
func (l *SharedLock) Release(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var err error
	if l.stop != nil {
		l.stop()
	}
	if l.id != "" && l.lost == nil {
		err = l.repo.send(ctx, l.remote, move{lockRef, l.id, ""})
	}
	if errors.Is(err, errMoved) {
		err = nil
	}
	l.id = ""
	return errors.Join(err, l.local.Release(ctx))
}

// Holder is who holds the lock; ok is false where nobody does.
func (l *SharedLock) Holder(ctx context.Context) (h Holder, ok bool, err error) {
	who, err := l.look(ctx, l.repo)
	if err != nil || who != nil {
		return holderOf(who), who != nil, err
	}
	err = l.local.Acquire(ctx)
	if errors.Is(err, flow.ErrLocked) {
		return l.local.holder(), true, nil
	}
	return h, false, errors.Join(err, l.local.Release(ctx))
}

func holderOf(who *held) Holder {
	if who == nil {
		return Holder{}
	}
	return who.Holder
}

// Unlock takes the lock away from whoever holds it, also while that renews it. A run that does stops at its next
// action.
func (l *SharedLock) Unlock(ctx context.Context) error {
	for range appendTries {
		who, err := l.look(ctx, l.repo)
		if err == nil && who != nil {
			err = l.repo.send(ctx, l.remote, move{lockRef, who.id, ""})
		}
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return err
		}
		_, _, err = l.local.Unlock(ctx)
		return err
	}
	return flow.Hint(errors.New("the lock moves whenever it is being taken away"), "hotfix unlock")
}

// cloneID tells this clone, on this machine, from every other, copies of it included.
func (r *Repository) cloneID() string {
	place := Who() + " " + r.common
	if info, err := os.Stat(r.common); err == nil {
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			place += fmt.Sprint(" ", stat.Dev, " ", stat.Ino)
		}
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(place)))[:12]
}
