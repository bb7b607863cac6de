//go:build long

package main

import (
	"maps"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// TestTheRoutineOnDockerCloud: the tag moves first, then each service that the patch changes is redeployed once, its
// volumes kept; migrations run inside. A canary that fails its check takes the tag and the canary back; so does
// rollback, with everything else.
func TestTheRoutineOnDockerCloud(t *testing.T) {
	w := sandbox.Start(t)
	c, err := w.DockerCloud(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before := digests(t, w)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["hotfix.yml"] = strings.Replace(read(t, w, "hotfix.yml"), "target: compose", "target: dockercloud", 1)
	smoke := read(t, w, "bin/smoke.sh")
	files["bin/smoke.sh"] = smoke + "[ ! -e /files ]\n" // fails where it is deployed, not where it is verified
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	patch(t, w, "Patch the page, and break the check", files)
	failed := must(t, w, exitRolledBack, "deploy", "--yes", "--confirm", w.Stack, "--skip", "verify", "--reason", "it is broken")
	if !strings.Contains(failed.errs, "check bin/smoke.sh") {
		t.Errorf("it does not say why:\n%s", failed.errs)
	}
	if after := digests(t, w); !maps.Equal(before, after) || tagged(t, w, "php") != before["phpfiles"] {
		t.Errorf("rolled back to %v, want %v; the tag names %s", after, before, tagged(t, w, "php"))
	}
	redeploys(t, c, 2, 0, 0)

	sha := patch(t, w, "Mend the check", map[string]string{"bin/smoke.sh": smoke})
	must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack)
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})
	if now := digests(t, w); tagged(t, w, "php") != now["phpha"] || now["web"] != before["web"] {
		t.Errorf("the tag names %s; %v", tagged(t, w, "php"), now)
	}
	redeploys(t, c, 3, 1, 0)
	if again := must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack); strings.Contains(again.errs, "will:") {
		t.Errorf("the same again had something to do:\n%s", again.errs)
	}

	must(t, w, exitDone, "rollback", "--yes")
	if after := digests(t, w); !maps.Equal(before, after) || tagged(t, w, "php") != before["phpfiles"] {
		t.Errorf("rolled back to %v, want %v; the tag names %s", after, before, tagged(t, w, "php"))
	}
	redeploys(t, c, 4, 2, 0)
	if n := c.Volumes("phpfiles"); n != 1 {
		t.Errorf("its volumes were made %d times", n)
	}
}

func redeploys(t *testing.T, c *sandbox.DockerCloud, phpfiles, phpha, web int) {
	t.Helper()
	if a, b, d := c.Redeploys("phpfiles"), c.Redeploys("phpha"), c.Redeploys("web"); a != phpfiles || b != phpha || d != web {
		t.Errorf("redeployed %d, %d and %d times, want %d, %d and %d", a, b, d, phpfiles, phpha, web)
	}
}
