package main

import (
	"maps"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// TestRemoteEngines: a stack on an engine elsewhere is patched from here, through a docker context with TLS, and taken
// back over ssh. Prompts say where; what is built and verified stays on this machine's engine; a context or a host that
// does not answer is named.
func TestRemoteEngines(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	if err := w.OverTLS(t.Context(), "prod"); err != nil {
		t.Fatal(err)
	}
	host, path, err := w.OverSSH(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	must(t, w, exitDone, "start", "16.03.1b")
	sha := patch(t, w, "Patch the page", text(t, w, "Patched"))
	before := digests(t, w)
	target := "    target: compose\n"
	context := []string{"--config", edited(t, w, target, target+"    context: prod\n")}

	r := must(t, w, exitDone, append(context, "deploy", "--yes", "--skip", "verify", "--reason", "it is tried elsewhere")...)
	if !strings.Contains(r.errs, "docker context prod)") || !strings.Contains(r.errs, "the local docker engine:") {
		t.Errorf("it does not say where it is:\n%s", r.errs)
	}
	if status, err := w.Status(t.Context()); err != nil || status.Commit != sha {
		t.Errorf("the stack serves %+v (%v)", status, err)
	}
	shell := must(t, w, exitDone, append(context, "shell", "phpfiles", "--", "cat", "REVISION")...)
	if !strings.Contains(shell.out, sha) {
		t.Errorf("a shell through the context says %s", shell)
	}

	over := []string{"--config", edited(t, w, target, target+"    host: "+host+"\n")}
	cmd := program(t.Context(), w, append(over, "rollback", "--yes")...)
	cmd.Env = append(cmd.Env, "PATH="+path)
	if said, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(said), ", "+host+")") {
		t.Errorf("over ssh: %v\n%s", err, said)
	}
	if after := digests(t, w); !maps.Equal(before, after) {
		t.Errorf("rolled back to %v, want %v", after, before)
	}

	refusal{args: []string{"--config", edited(t, w, target, target+"    context: nowhere\n")}, code: exitFailed,
		says: "the docker engine nowhere: .*context", hint: "docker context ls"}.said(t, w)
	refusal{args: []string{"--config", edited(t, w, target, target+"    host: tcp://127.0.0.1:1\n")}, code: exitFailed,
		says: "127.0.0.1:1", hint: "."}.said(t, w)
}
