package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"hotfix/internal/flow"
)

// sharedLock is the lock as the clone in dir sees it, with a quick clock.
func sharedLock(t *testing.T, dir, command string) (l *SharedLock, notes *[]string) {
	t.Helper()
	r, _ := open(t, dir)
	l, notes = r.SharedLock("origin", command), &[]string{}
	l.Beat = 200 * time.Millisecond
	l.Note = func(text string) { *notes = append(*notes, text) }
	t.Cleanup(func() { _ = l.Release(context.Background()) })
	return l, notes
}

func acquired(t *testing.T, l *SharedLock) {
	t.Helper()
	if err := errors.Join(l.Acquire(t.Context()), l.Held(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// die ends the lock's process without giving it back.
func (l *SharedLock) die() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop()
	l.id = ""
	l.local.drop()
}

func TestSharedLockTellsWhoHoldsIt(t *testing.T) {
	p := newProduct(t)
	mine, _ := sharedLock(t, p.clone(), "hotfix deploy 16.03.1b")
	mine.Beat = Beat // the phase is told without waiting for it
	acquired(t, mine)
	first := sh(t, p.server(), "rev-parse", lockRef)
	mine.Phase("redeploy")
	theirs, _ := sharedLock(t, p.again(t, "colleague"), "hotfix finish 16.03.1b")
	waitFor(t, func() bool { return sh(t, p.server(), "rev-parse", lockRef) != first })
	err := theirs.Acquire(t.Context())
	if !errors.Is(err, flow.ErrLocked) {
		t.Fatalf("want ErrLocked, got %v", err)
	}
	for _, word := range []string{Who(), "hotfix deploy 16.03.1b", "at redeploy", fmt.Sprint(os.Getpid())} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if h, ok, err := theirs.Holder(t.Context()); err != nil || !ok || h.Phase != "redeploy" {
		t.Errorf("held by %v, %v, %v", h, ok, err)
	}
	if err := errors.Join(mine.Held(t.Context()), mine.Release(t.Context())); err != nil {
		t.Error(err)
	}
	if _, ok, err := theirs.Holder(t.Context()); err != nil || ok {
		t.Errorf("given back, and still held: %v", err)
	}
	acquired(t, theirs)
	if got := sh(t, p.clone(), "for-each-ref", "refs/hotfix"); got != "" {
		t.Errorf("left in the clone: %s", got)
	}
}

// A laptop dies: the same clone goes on at once, a colleague's after the silence. One that only slept has lost it.
func TestSharedLockOutlivesItsHolder(t *testing.T) {
	p := newProduct(t)
	colleague := p.again(t, "colleague")
	dead, _ := sharedLock(t, p.clone(), "hotfix deploy")
	acquired(t, dead)
	dead.die()
	again, _ := sharedLock(t, p.clone(), "hotfix deploy")
	start := time.Now()
	acquired(t, again)
	if took := time.Since(start); took > again.Expiry/2 {
		t.Errorf("the same clone waited %s", took)
	}

	again.mu.Lock()
	again.stop() // it sleeps
	again.mu.Unlock()
	theirs, notes := sharedLock(t, colleague, "hotfix deploy")
	theirs.Wait, theirs.Expiry = true, time.Second
	acquired(t, theirs)
	if told := strings.Join(*notes, "\n"); !strings.Contains(told, "silent") || !strings.Contains(told, Who()) {
		t.Errorf("told %q", told)
	}
	err := again.Held(t.Context())
	if !errors.Is(err, flow.ErrLocked) || !strings.Contains(err.Error(), "lost its lock: now "+Who()) {
		t.Errorf("it wakes up and goes on: %v", err)
	}
	if err := again.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if err := theirs.Held(t.Context()); err != nil {
		t.Errorf("the one that slept took it away again: %v", err)
	}
}

// It slept, and nobody came: it goes on.
func TestSharedLockSurvivesASleep(t *testing.T) {
	p := newProduct(t)
	l, _ := sharedLock(t, p.clone(), "hotfix deploy")
	acquired(t, l)
	l.mu.Lock()
	l.stop()
	l.sure = l.sure.Add(-time.Hour)
	l.mu.Unlock()
	if err := os.Rename(p.server(), p.server()+".away"); err != nil {
		t.Fatal(err)
	}
	if l.Held(t.Context()) == nil {
		t.Error("it goes on without knowing")
	}
	if err := os.Rename(p.server()+".away", p.server()); err != nil {
		t.Fatal(err)
	}
	before := sh(t, p.server(), "rev-parse", lockRef)
	if err := l.Held(t.Context()); err != nil {
		t.Error(err)
	}
	if sh(t, p.server(), "rev-parse", lockRef) == before {
		t.Error("not renewed")
	}
}

func TestSharedLockAsks(t *testing.T) {
	p := newProduct(t)
	mine, _ := sharedLock(t, p.clone(), "hotfix deploy")
	acquired(t, mine)
	theirs, _ := sharedLock(t, p.again(t, "colleague"), "hotfix deploy")
	var asked string
	answer := Stop
	theirs.Ask = func(_ context.Context, holder string) (Answer, error) {
		asked = holder
		if answer == WaitForIt {
			go mine.Release(context.Background())
		}
		return answer, nil
	}
	if err := theirs.Acquire(t.Context()); !errors.Is(err, flow.ErrLocked) || !strings.Contains(asked, "hotfix deploy") {
		t.Errorf("stop: %v; asked about %q", err, asked)
	}
	answer = TakeOver
	acquired(t, theirs)
	time.Sleep(mine.Beat) // what the lock was found to be is believed for so long
	if err := mine.Held(t.Context()); !errors.Is(err, flow.ErrLocked) {
		t.Errorf("taken over, and the other goes on: %v", err)
	}
	_ = mine.Release(t.Context())
	if err := errors.Join(theirs.Held(t.Context()), theirs.Release(t.Context())); err != nil {
		t.Fatal(err)
	}
	acquired(t, mine)
	answer = WaitForIt
	acquired(t, theirs)
}

func TestSharedLockIsTakenAway(t *testing.T) {
	p := newProduct(t)
	mine, _ := sharedLock(t, p.clone(), "hotfix deploy")
	acquired(t, mine)
	r, _ := open(t, p.again(t, "colleague"))
	if err := r.SharedLock("origin", "hotfix unlock").Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
	time.Sleep(mine.Beat)
	if err := mine.Held(t.Context()); !errors.Is(err, flow.ErrLocked) || !strings.Contains(err.Error(), "taken away") {
		t.Errorf("the holder goes on: %v", err)
	}
	if err := r.SharedLock("origin", "hotfix unlock").Unlock(t.Context()); err != nil {
		t.Errorf("nobody holds it: %v", err)
	}
}

func TestSharedLockRefused(t *testing.T) {
	p := newProduct(t)
	refuseRefs(t, p, "no refs of your own")
	l, notes := sharedLock(t, p.clone(), "hotfix deploy")
	if err := l.Acquire(t.Context()); err == nil || !strings.Contains(err.Error(), "no refs of your own") || len(flow.Hints(err)) == 0 {
		t.Errorf("with nobody to tell the others: %v", err)
	}
	l.Alone = true
	acquired(t, l)
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "this clone only") {
		t.Errorf("notes: %q", *notes)
	}
	other, _ := sharedLock(t, p.clone(), "hotfix deploy")
	other.Alone = true
	if err := other.Acquire(t.Context()); !errors.Is(err, flow.ErrLocked) {
		t.Errorf("two in one clone: %v", err)
	}
	if err := l.Release(t.Context()); err != nil {
		t.Error(err)
	}
	acquired(t, other)
}
