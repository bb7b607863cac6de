package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// text changes what the product's page says.
func text(t *testing.T, w *sandbox.World, to string) map[string]string {
	t.Helper()
	return map[string]string{"src/app.php": strings.Replace(read(t, w, "src/app.php"), said(read(t, w, "src/app.php")), to, 1)}
}

// TestTheRoutine is the product's main job, on real parts, as the README says it; then a second commit on the same
// hotfix, and the way back over both.
func TestTheRoutine(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	before := digests(t, w)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	files["docker-compose.yml"] = strings.Replace(read(t, w, "docker-compose.yml"), "DB_USER: acme", "DB_USER: acme\n    SMTP: mail-7f3a", 1)
	sha := patch(t, w, "Patch the page", files)
	if err := os.WriteFile(filepath.Join(w.Clone, "scratch.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	first := must(t, w, exitDone, "deploy", "--sha", w.SHA, "--yes", "--confirm", w.Stack)
	for _, line := range []string{"not committed, and so not in the patch: 1 untracked (scratch.txt)", "3 files:", "A dna/db/migrations/003_patch.sql",
		"M src/app.php", "with 1 migration: dna/db/migrations/003_patch.sql", "docker-compose.yml: variable SMTP of phpha is new"} {
		if !strings.Contains(first.errs, line) {
			t.Errorf("the patch is shown without %q:\n%s", line, first.errs)
		}
	}
	if strings.Contains(first.errs, "mail-7f3a") {
		t.Errorf("a value is shown:\n%s", first.errs)
	}
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})
	if web := digests(t, w)["web"]; web != before["web"] {
		t.Errorf("web was restarted for nothing: %s", web)
	}
	if got := purges(w); got != 1 {
		t.Errorf("purged %d times", got)
	}
	if told := must(t, w, exitDone, "status"); strings.Count(told.errs, "healthy, as pushed for 16.03.1b (") != 3 || strings.Contains(told.errs, " hides ") {
		t.Errorf("the status does not say that what runs is what was pushed:\n%s", told.errs)
	}
	if kept := must(t, w, exitDone, "prune", "--keep", "0", "--dry-run"); strings.Contains(kept.errs, "remove ") {
		t.Errorf("what an unfinished hotfix goes back to would be pruned:\n%s", kept.errs)
	}

	files = text(t, w, "Patched twice")
	files["dna/db/migrations/004_second.sql"] = "CREATE TABLE second (id INT);\n"
	files["hotfix.yml"] = strings.Replace(read(t, w, "hotfix.yml"), "when: after-redeploy", "when: after-canary\n      pending: [bin/migrate.sh, --status]", 1)
	sha = patch(t, w, "Patch the page again", files)
	second := must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack)
	patched(t, w, sandbox.Status{Text: "Patched twice", Commit: sha, Schema: "004_second", Data: "example"})
	_, migrating, _ := strings.Cut(second.errs, "● run bin/migrate.sh in a one-off container of phpfiles with DATA=example")
	if strings.Contains(migrating, "003_patch") || !strings.Contains(migrating, "acme_example: 004_second") {
		t.Errorf("the first commit's migration ran again, or the second's did not:\n%s", second.errs)
	}

	if first, second, found := strings.Cut(second.errs, "migrate will:"); !found || strings.Contains(first, "redeploy will:") || !strings.Contains(second, "redeploy will:") {
		t.Errorf("the migration does not come between the canary and the others:\n%s%s", first, second)
	}
	if !strings.Contains(second.errs, "pending DATA=example 004_second") || !strings.Contains(second.errs, "backup is DATA=example /files/backup-example-") {
		t.Errorf("the receipt does not say what was pending, or where the backup is:\n%s", second.errs)
	}

	// The way back is a colleague's: a clone of their own knows from the remote what ran before.
	// Where their machine can't talk to the registry, the services are back all the same; the rest follows once it can.
	untrusting := colleague(t, w)
	strange := *w.Registry
	strange.DockerConfig, untrusting.Registry = t.TempDir(), &strange
	if half := must(t, untrusting, exitFailed, "rollback", "16.03.1b", "--yes"); !maps.Equal(before, digests(t, w)) || !strings.Contains(half.errs, "hint: put the registry's CA in ") {
		t.Errorf("without the registry it runs %v, want %v\n%s", digests(t, w), before, half.errs)
	}
	back := must(t, colleague(t, w), exitDone, "rollback", "16.03.1b", "--yes", "--reason", "customers complain")
	if after := digests(t, w); !maps.Equal(before, after) {
		t.Errorf("rolled back to %v, want %v", after, before)
	}
	if tag := tagged(t, w, "php"); tag != before["phpfiles"] {
		t.Errorf("the deployed tag names %s", tag)
	}
	if !regexp.MustCompile(`a rollback does not undo: run bin/migrate.sh .*; the backup from before it: /files/backup-`).MatchString(back.errs) {
		t.Errorf("the rollback does not say what it leaves:\n%s", back.errs)
	}
	serves(t, w, "Welcome to Acme")
	if again := must(t, w, exitDone, "rollback", "--yes"); strings.Contains(again.errs, "will:") {
		t.Errorf("the second rollback had something to do:\n%s", again.errs)
	}
	if got := purges(w); got != 3 {
		t.Errorf("purged %d times", got)
	}

	refused := must(t, w, exitStopped, "deploy", "--yes", "--confirm", w.Stack)
	if !strings.Contains(refused.errs, "was rolled back by ") || !strings.Contains(refused.errs, ": customers complain") || !strings.Contains(refused.errs, "--again") {
		t.Errorf("what was rolled back is deployed again without a word of it:\n%s", refused.errs)
	}
	serves(t, w, "Welcome to Acme")
	must(t, w, exitDone, "deploy", "--yes", "--confirm", w.Stack, "--again")
	patched(t, w, sandbox.Status{Text: "Patched twice", Commit: sha, Schema: "004_second", Data: "example"})
	if told := must(t, colleague(t, w), exitDone, "history"); !strings.Contains(told.out, "rollback 16.03.1b by ") || !strings.Contains(told.out, "deploy 16.03.1b: done") {
		t.Errorf("a colleague's history:\n%s", told.out)
	}
	must(t, w, exitDone, "finish", "--yes")
	if branches, err := w.Git(t.Context(), "ls-remote", "origin"); err != nil || strings.Contains(branches, "refs/heads/hotfix/") || !strings.Contains(branches, "refs/tags/16.03.1b") {
		t.Errorf("finished, and the remote has\n%s%v", branches, err)
	}
	old := before["phpfiles"][len("sha256:"):][:12]
	if pruned := must(t, w, exitDone, "prune", "--keep", "0", "--yes"); !strings.Contains(pruned.errs, "before-16.03.1b-"+old) || !strings.Contains(pruned.errs, "remove the cached images of ") {
		t.Errorf("pruned:\n%s", pruned.errs)
	}
	if again := must(t, w, exitDone, "prune", "--keep", "0", "--yes"); strings.Contains(again.errs, "will:") {
		t.Errorf("pruned twice:\n%s", again.errs)
	}
	serves(t, w, "Patched twice")
}

// said is the text that a version of the product's page has.
func said(source string) string {
	_, rest, _ := strings.Cut(source, "const TEXT = '")
	text, _, _ := strings.Cut(rest, "'")
	return text
}

// colleague is the same world seen from another clone.
func colleague(t *testing.T, w *sandbox.World) *sandbox.World {
	t.Helper()
	there := *w
	there.Clone = filepath.Join(t.TempDir(), "colleague")
	if _, err := w.Git(t.Context(), "clone", "--quiet", w.Remote, there.Clone); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(there.Clone, ".env"), []byte(read(t, w, ".env")), 0o600); err != nil {
		t.Fatal(err)
	}
	return &there
}
