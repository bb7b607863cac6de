package main

import (
	"os"
	"strings"
	"testing"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
	"hotfix/internal/terminal"
)

// TestTheLaw is flow's law for every phase on compose, there and back, on real parts: Plan and Gate leave the world
// as it is, made before an earlier phase has run too; after Do, Plan is empty. That a phase which is killed in Do
// converges is TestCutOffAnywhere.
func TestTheLaw(t *testing.T) {
	w := sandbox.Start(t)
	for _, pair := range w.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	files["public/style.css"] = read(t, w, "public/style.css") + "/* patched */\n" // which web serves
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)

	law := law{t, w, inProcess(t, w)}
	law.ahead(law.d.deploy(), "variables") // secrets are resolved by its check, there is no change to plan
	law.ahead(law.d.rollback(), "restore", "put-back", "purge")
	for _, phase := range law.d.deploy() {
		law.holds("deploy", phase, phase.Name() != "variables")
	}
	patched(t, w, sandbox.Status{Text: "Patched", Commit: sha, Schema: "003_patch", Data: "example"})

	law.d = inProcess(t, w) // the next command
	for _, phase := range law.d.rollback() {
		law.holds("rollback", phase, true)
	}
	serves(t, w, "Welcome to Acme")
}

// inProcess is what `hotfix deploy` puts together, in this process.
func inProcess(t *testing.T, w *sandbox.World) *deployment {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	a := &app{in: null, out: null, err: null, dir: w.Clone, redactor: &terminal.Redactor{}}
	d, err := a.deployment(t.Context(), target{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type law struct {
	t *testing.T
	w *sandbox.World
	d *deployment
}

// ahead plans every phase before any has run: it changes nothing, and says what it would do; but for idle ones,
// which say why not.
func (l law) ahead(phases []flow.Phase, idle ...string) {
	l.t.Helper()
	before := look(l.t, l.w)
	for _, phase := range phases {
		actions, why := l.plan(phase)
		if contains(idle, phase.Name()) {
			if len(actions) > 0 {
				l.t.Errorf("%s would do %q", phase.Name(), actions[0].What)
			}
			continue
		}
		if len(actions) == 0 {
			l.t.Errorf("%s, planned ahead, has nothing to do: %q", phase.Name(), why)
		}
		for _, action := range actions {
			if action.What == "" || action.Do == nil {
				l.t.Errorf("%s plans %+v", phase.Name(), action)
			}
		}
	}
	same(l.t, "planning ahead", before, look(l.t, l.w))
}

// holds runs one phase, between two looks at the whole world each time that it plans.
func (l law) holds(command string, phase flow.Phase, acts bool) {
	l.t.Helper()
	before := look(l.t, l.w)
	actions, why := l.plan(phase)
	planned := look(l.t, l.w)
	same(l.t, "planning "+phase.Name(), before, planned)
	if acts != (len(actions) > 0) {
		l.t.Errorf("%s plans %d actions (%q)", phase.Name(), len(actions), why)
	}

	flags := runFlags{yes: true, only: phase.Name(), confirm: l.w.Stack}
	r, _, err := l.d.project.runner(flags, l.d.about(command, "the same"), []flow.Phase{phase})
	if err != nil {
		l.t.Fatal(err)
	}
	r.Baseline = l.d.look
	if err := r.Run(l.t.Context()); err != nil {
		l.t.Fatalf("%s: %v", phase.Name(), err)
	}
	done := look(l.t, l.w) // of a verification nothing is left but the log's evidence
	if acts && phase.Name() != "verify" && len(differences(planned.without(kindLog), done.without(kindLog))) == 0 {
		l.t.Errorf("%s changed nothing that a snapshot sees", phase.Name())
	}
	if actions, _ := l.plan(phase); len(actions) > 0 {
		l.t.Errorf("%s has still to do: %s", phase.Name(), actions[0].What)
	}
	same(l.t, "planning "+phase.Name()+" again", done, look(l.t, l.w))
}

// plan plans a phase and looks at its gate, which changes nothing either.
func (l law) plan(phase flow.Phase) (actions []flow.Action, why string) {
	l.t.Helper()
	actions, err := phase.Plan(l.t.Context())
	why, nothing := flow.NothingToDo(err)
	if err != nil && !nothing {
		l.t.Fatalf("planning %s: %v", phase.Name(), err)
	}
	if gated, ok := phase.(flow.Gated); ok {
		if _, err := gated.Gate(l.t.Context()); err != nil {
			l.t.Fatalf("the gate of %s: %v", phase.Name(), err)
		}
	}
	return actions, why
}
