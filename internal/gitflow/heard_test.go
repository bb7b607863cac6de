package gitflow

import (
	"errors"
	"os"
	"testing"
	"time"
)

// A remote that did not answer is left alone for a while, and then asked again.
func TestSilence(t *testing.T) {
	p := patched(t)
	r, _ := open(t, p.clone())
	asks := func() error {
		_, _, err := r.RemoteHead(t.Context(), "origin", "master")
		return err
	}
	rename(t, p.server(), p.server()+".gone")
	first := asks()
	if !errors.Is(first, ErrUnreachable) {
		t.Fatalf("it says %v", first)
	}
	rename(t, p.server()+".gone", p.server())
	if err := asks(); err != nil {
		t.Errorf("it was quick to say so, and is not asked again: %v", err)
	}
	_ = r.heard.didNotAnswer("origin", first, 5*time.Second)
	if err := asks(); err == nil || err.Error() != first.Error() {
		t.Errorf("it was asked at once: %v", err)
	}
	if err := r.send(t.Context(), "origin", move{lockRef, "", sh(t, p.server(), "rev-parse", "master")}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("it was pushed to at once: %v", err)
	}
	r.heard.until = time.Now() // Beat has passed
	if err := asks(); err != nil {
		t.Errorf("it is never asked again: %v", err)
	}
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

// What the log's reader was told serves whoever asks next, once, while it is fresh, and not after a push.
func TestHeard(t *testing.T) {
	p := patched(t)
	r, _ := open(t, p.clone())
	log, ref := r.SharedLog("origin"), "refs/heads/hotfix/16.03.1a"
	old, moved := sh(t, p.server(), "rev-parse", "master"), sh(t, p.server(), "rev-parse", "develop")
	for _, c := range []struct {
		name, want string
		before     func()
	}{
		{"at once", old, func() {}},
		{"a second time", moved, func() { _, _, _ = r.RemoteHead(t.Context(), "origin", "master") }},
		{"after a push", moved, func() { _, _ = r.push(t.Context(), "origin", "HEAD:refs/heads/other") }},
		{"of another remote", moved, func() { r.heard.remote = "upstream" }},
		{"too late", moved, func() { r.heard.at = time.Now().Add(-2 * certain) }},
	} {
		sh(t, p.server(), "update-ref", ref, old)
		log.Refresh()
		if _, err := log.Entries(t.Context()); err != nil {
			t.Fatal(err)
		}
		sh(t, p.server(), "update-ref", ref, moved)
		c.before()
		if head, _, err := r.RemoteHead(t.Context(), "origin", "hotfix/16.03.1a"); err != nil || head != c.want {
			t.Errorf("%s: %.7s, want %.7s (%v)", c.name, head, c.want, err)
		}
	}
}
