package gitflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"syscall"
	"time"

	"hotfix/internal/flow"
)

// Lock makes one runner a clone: a locked file in the repository's .git that says who holds it. It is free again
// when its process ends, however that happens.
type Lock struct {
	Path    string
	Command string // what it is taken for: "hotfix deploy 16.03.1b"
	file    *os.File
}

var _ flow.Lock = (*Lock)(nil)

// A Holder is who holds the lock.
type Holder struct {
	Who     string    `json:"who"` // user@host
	PID     int       `json:"pid"`
	Since   time.Time `json:"since"`
	Command string    `json:"command"`
	Phase   string    `json:"phase,omitempty"`
	Clone   string    `json:"clone,omitempty"` // tells one clone from all others
	Renewed time.Time `json:"renewed,omitzero"`
}

// String is the holder in one line.
func (h Holder) String() string {
	if h.Who == "" {
		return "someone is about to run hotfix"
	}
	at := ""
	if h.Phase != "" {
		at = ", at " + h.Phase
	}
	return fmt.Sprintf("%s runs `%s` since %s%s (process %d)", h.Who, h.Command, h.Since.Local().Format(time.DateTime), at, h.PID)
}

// locked is the error of whoever comes second.
func (h Holder) locked() error {
	return flow.Hint(flow.As(flow.ErrLocked, fmt.Errorf("locked: %s", h)),
		"wait for it, or `hotfix unlock` if that run is stuck; it stops at its next action")
}

// Lock is the clone's lock, not taken yet.
func (r *Repository) Lock(command string) *Lock {
	return &Lock{Path: filepath.Join(r.common, "hotfix", "lock"), Command: command}
}

// Who is the user and the host, for the log and the lock.
func Who() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

// Acquire takes the lock, or returns a flow.ErrLocked that says who holds it.
func (l *Lock) Acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(l.Path), 0o755); err != nil {
		return fmt.Errorf("taking the lock: %w", err)
	}
	file, err := os.OpenFile(l.Path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("taking the lock: %w", err)
	}
	if err := flock(file, syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return taken(file)
		}
		return fmt.Errorf("taking the lock: %w", err)
	}
	l.file = file
	if l.Held(ctx) != nil { // it was given back, and its file removed, after we opened it
		l.drop()
		return l.Acquire(ctx)
	}
	return l.sign()
}

// taken says who is in the way.
func taken(file *os.File) error {
	var h Holder
	if content, err := io.ReadAll(file); err == nil {
		_ = json.Unmarshal(content, &h) // one that has not signed yet has no name
	}
	return h.locked()
}

// holder is who signed the lock last.
func (l *Lock) holder() (h Holder) {
	if content, err := os.ReadFile(l.Path); err == nil {
		_ = json.Unmarshal(content, &h)
	}
	return h
}

// sign writes who holds the lock into it.
func (l *Lock) sign() error {
	content, err := json.Marshal(Holder{Who: Who(), PID: os.Getpid(), Since: time.Now(), Command: l.Command})
	if err == nil {
		err = l.file.Truncate(0)
	}
	if err == nil {
		_, err = l.file.WriteAt(append(content, '\n'), 0)
	}
	if err != nil {
		l.drop()
		return fmt.Errorf("taking the lock: %w", err)
	}
	return nil
}

// Held returns an error once the lock's file is no longer the one that we locked.
func (l *Lock) Held(context.Context) error {
	if l.file == nil {
		return flow.As(flow.ErrLocked, errors.New("the lock is not held"))
	}
	ours, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("looking at the lock: %w", err)
	}
	there, err := os.Stat(l.Path)
	if err == nil && os.SameFile(ours, there) {
		return nil
	}
	return flow.Hint(flow.As(flow.ErrLocked, errors.New("the lock was taken away while this run held it")),
		"see who did with `hotfix history`, then run the same command again")
}

// Release gives the lock back; one that was taken away stays with whoever has it now.
func (l *Lock) Release(ctx context.Context) error {
	if l.file == nil {
		return nil
	}
	defer l.drop()
	if l.Held(ctx) != nil {
		return nil
	}
	if err := os.Remove(l.Path); err != nil {
		return fmt.Errorf("giving the lock back: %w", err)
	}
	return nil
}

func (l *Lock) drop() {
	_ = l.file.Close()
	l.file = nil
}

// Unlock takes the lock away from whoever holds it and returns who that was; ok is false where nobody does.
func (l *Lock) Unlock(ctx context.Context) (was Holder, ok bool, err error) {
	locked := l.Acquire(ctx)
	if locked == nil {
		return Holder{}, false, l.Release(ctx)
	}
	if !errors.Is(locked, flow.ErrLocked) {
		return Holder{}, false, locked
	}
	was = l.holder()
	return was, true, os.Remove(l.Path)
}
