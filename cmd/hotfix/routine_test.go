package main

import (
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// text changes what the product's page says.
func text(t *testing.T, w *sandbox.World, to string) map[string]string {
	t.Helper()
	return map[string]string{"src/app.php": strings.Replace(read(t, w, "src/app.php"), said(read(t, w, "src/app.php")), to, 1)}
}

// TestTheRoutine is the product's main job, on real parts, as the README says it.
func TestTheRoutine(t *testing.T) {
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)

	r := must(t, w, exitDone, "deploy", "--sha", w.SHA, "--yes", "--confirm", w.Stack)
	t.Log(r.errs)
	status, err := w.Status(t.Context())
	if want := (sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"}); err != nil || status != want {
		t.Errorf("the stack serves %+v, want %+v (%v)", status, want, err)
	}
	again := must(t, w, exitDone, "deploy", "--sha", w.SHA, "--yes", "--confirm", w.Stack)
	if strings.Contains(again.errs, "will:") {
		t.Errorf("the second deploy had something to do:\n%s", again.errs)
	}
	must(t, w, exitDone, "finish", "--yes")
	t.Log(must(t, w, exitDone, "history").out)
}

// said is the text that a version of the product's page has.
func said(source string) string {
	_, rest, _ := strings.Cut(source, "const TEXT = '")
	text, _, _ := strings.Cut(rest, "'")
	return text
}
