package gitflow

import (
	"testing"
	"time"
)

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
