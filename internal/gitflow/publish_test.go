package gitflow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestFinishRefusedByTheServerMovesNothing(t *testing.T) {
	p := patched(t)
	hook := filepath.Join(p.server(), "hooks", "update")
	write(t, p.server(), "hooks/update", "#!/bin/sh\n[ $1 != refs/heads/master ] || { echo 'master is protected: ask Ann' >&2; exit 1; }\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	server, clone := sh(t, p.server(), "for-each-ref"), sh(t, p.clone(), "for-each-ref")
	_, err := do(finisher(t, p.clone(), "16.03.1a"))
	if err == nil || !strings.Contains(err.Error(), "master is protected: ask Ann") {
		t.Errorf("the server's words: %v", err)
	}
	if after := sh(t, p.server(), "for-each-ref"); after != server {
		t.Errorf("on the server %s became %s", server, after)
	}
	if after := sh(t, p.clone(), "for-each-ref"); after != clone {
		t.Errorf("in the clone %s became %s", clone, after)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
}

func TestFinishRunsTheUsersPushHook(t *testing.T) {
	p := patched(t)
	write(t, p.clone(), ".git/hooks/pre-push", "#!/bin/sh\necho 'not on Fridays' >&2; exit 1\n")
	if err := os.Chmod(filepath.Join(p.clone(), ".git/hooks/pre-push"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := do(finisher(t, p.clone(), "16.03.1a")); err == nil || !strings.Contains(err.Error(), "not on Fridays") {
		t.Errorf("want the hook's words, got %v", err)
	}
}

func TestFinishWithoutAtomicPush(t *testing.T) {
	p := patched(t)
	sh(t, p.server(), "config", "receive.advertiseAtomic", "false")
	before := sh(t, p.server(), "for-each-ref")
	_, err := do(finisher(t, p.clone(), "16.03.1a"))
	if err == nil || !strings.Contains(err.Error(), "does not support --atomic") || len(flow.Hints(err)) == 0 {
		t.Errorf("want the server's words and a hint, got %v, %q", err, flow.Hints(err))
	}
	if after := sh(t, p.server(), "for-each-ref"); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestFinishStopsWhenTheRemoteMoves(t *testing.T) {
	p := patched(t)
	actions, _, err := plan(finisher(t, p.clone(), "16.03.1a"))
	if err != nil {
		t.Fatal(err)
	}
	dir := p.again(t, "colleague")
	save(t, dir, "other.txt", "meanwhile\n")
	sh(t, dir, "push", "-q")
	before := sh(t, p.server(), "for-each-ref")
	err = actions[0].Do(t.Context(), flow.Silent{})
	if err == nil || !strings.Contains(err.Error(), "moved since the plan") {
		t.Errorf("got %v", err)
	}
	if after := sh(t, p.server(), "for-each-ref"); after != before {
		t.Errorf("%s became %s", before, after)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
}
