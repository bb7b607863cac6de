package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hotfix/internal/flow"
)

// passing is a verification that holds.
func (p *rig) passing() Verification {
	return Verification{
		ComposeFiles: []string{"docker-compose.yml"},
		Services:     []string{"web"},
		Prepare:      []Command{{Run: []string{"sh", "-c", "echo 2 > /data/schema"}, In: "worker"}},
		Checks: []Check{
			{HTTP: p.url("/status"), Contains: "hello, schema 2"},
			{HTTP: p.url("/moved"), Status: 302},
			{Run: []string{"grep", "2", "/data/schema"}, In: "web"},
			{Run: []string{"sh", "-c", "test $WEB_PORT && test -e up && test ! -e .git"}},
		},
	}
}

func act(t *testing.T, p flow.Phase, report flow.Report) error {
	t.Helper()
	actions, err := p.Plan(t.Context())
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	for _, a := range actions {
		if err := a.Do(t.Context(), report); err != nil {
			return err
		}
	}
	return nil
}

// The law: planning changes nothing; after doing it there is nothing to do.
func TestVerifyHoldsTheLaw(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	v := p.verify(t, p.passing())
	log := &memory{}
	v.Verified = Evidence{Log: log, Commit: commit}.Verified
	before := state(t, p)
	if _, err := v.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := state(t, p); !slices.Equal(before, after) {
		t.Errorf("planning changed\n%v to\n%v", before, after)
	}
	report := &told{}
	start := time.Now()
	if err := act(t, v, report); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	t.Logf("verified in %.1f s\n%s", time.Since(start).Seconds(), report)
	if after := state(t, p); !slices.Equal(before, after) {
		t.Errorf("verifying left\n%v, not\n%v", after, before)
	}
	if found := report.facts["check "+p.url("/status")]; !regexp.MustCompile(`^200 in \d+\.\d\d s$`).MatchString(found) {
		t.Errorf("the check's evidence is %q", found)
	}
	log.entries = append(log.entries, flow.Entry{Kind: flow.Done, Phase: "verify", Facts: report.facts, Time: time.Now()})
	actions, err := v.Plan(t.Context())
	if why, ok := flow.NothingToDo(err); !ok || len(actions) > 0 || !strings.Contains(why, "was verified on") {
		t.Errorf("planned again: %v, %v", actions, err)
	}
	write(t, p.Path, "server.pl", serverScript+"# patched\n")
	p.sync(t)
	if actions, err := v.Plan(t.Context()); err != nil || len(actions) != 1 {
		t.Errorf("another content is planned as %v, %v", actions, err)
	}
}

func TestVerifyPlans(t *testing.T) {
	v := Verify{Directory: Directory{Path: filepath.Join(t.TempDir(), "nothing")}, Commit: commit}
	if why, ok := flow.NothingToDo(second(v.Plan(t.Context()))); !ok || why != "no `verify` in hotfix.yml" {
		t.Errorf("without a section: %q", why)
	}
	v.Spec = &Verification{ComposeFiles: []string{"docker-compose.yml"}, Checks: []Check{{HTTP: "http://localhost/"}}}
	actions, err := v.Plan(t.Context())
	if err != nil || len(actions) != 1 || actions[0].What != "verify in a local stack of docker-compose.yml (all its services), 1 check" {
		t.Errorf("before sync: %v, %v", actions, err)
	}
	v.Published = there("images of 9c1e04b are in the registry")
	if why, _ := flow.NothingToDo(second(v.Plan(t.Context()))); why != string(v.Published.(there)) {
		t.Errorf("published: %q", why)
	}
}

// A failure names what failed with its last words.
func TestVerifyFailures(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	kept := p.verify(t, p.passing())
	kept.Spec.Keep = true
	report := &told{}
	if err := kept.do(t.Context(), report); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if !answers(p.url("/status")) {
		t.Error("it was not kept")
	}
	stack, restore, err := newComposition(p.engine, kept.name(), report)
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	r := &verification{Verify: kept, stack: stack, tree: p.Path + ".verify"}
	err = stack.load(t.Context(), r.tree, kept.Spec.ComposeFiles, r.variables())
	if err := errors.Join(err, stack.isolate([]string{"web", "worker"})); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*Verification)
		want   []string
	}{
		"a status":                  {func(v *Verification) { v.Checks = []Check{{HTTP: p.url("/broken")}}; v.Timeout = time.Second }, []string{"status 500, not 200: it is broken"}},
		"a prepare command":         {func(v *Verification) { v.Prepare[0].Run = []string{"sh", "-c", "echo no database; exit 7"} }, []string{"prepare:", "exit code 7\nno database"}},
		"a command in a service":    {func(v *Verification) { v.Checks[2].Run = []string{"sh", "-c", "echo bad; exit 3"} }, []string{"exit code 3\nbad"}},
		"a command that is missing": {func(v *Verification) { v.Checks[2].Run = []string{"bin/none"} }, []string{"bin/none", "no such file"}},
		"a command on this machine": {func(v *Verification) { v.Checks[3].Run = []string{"sh", "-c", "echo worse >&2; exit 4"} }, []string{"exit status 4", "worse"}},
	} {
		t.Run(name, func(t *testing.T) {
			spec := p.passing()
			c.change(&spec)
			r.Spec = &spec
			err := r.prove(t.Context())
			for _, want := range c.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in the error: %v\n%s", want, err, report)
				}
			}
		})
	}
	if err := r.clear(t.Context()); err != nil {
		t.Error(err)
	}
}

// A stack that does not come up is told with the words of the service that is to blame, and taken down.
func TestVerifyTakesAFailureDown(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	write(t, p.Path, "server.pl", "die 'no such class Foo';")
	p.sync(t)
	spec, report := p.passing(), &told{}
	spec.Timeout = 5 * time.Second
	err := act(t, p.verify(t, spec), report)
	for _, want := range []string{"bring the stack up", "web is Restarting", "no such class Foo"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in the error: %v\n%s", want, err, report)
		}
	}
	if report.facts["content"] != "" {
		t.Error("a failed verification is evidence")
	}
	p.gone(t)
	spec.Services = []string{"wbe"}
	if err := act(t, p.verify(t, spec), report); err == nil || !strings.Contains(err.Error(), "wbe") || !errors.Is(err, flow.ErrUsage) {
		t.Errorf("an unknown service: %v", err)
	}
}

func TestVerifyRefusesAChangedDirectory(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	write(t, p.Path, "late.php", "<?php")
	if err := p.verify(t, p.passing()).do(t.Context(), &told{}); err == nil || !strings.Contains(err.Error(), "changed after it was synced") {
		t.Errorf("a changed directory: %v", err)
	}
	if err := os.Remove(filepath.Join(p.Path, "late.php")); err != nil {
		t.Fatal(err)
	}
	v := p.verify(t, p.passing())
	v.Commit = strings.Repeat("0", 40)
	if err := v.do(t.Context(), &told{}); err == nil || !strings.Contains(err.Error(), "does not hold commit 0000000") {
		t.Errorf("another commit: %v", err)
	}
}

// memory is a log.
type memory struct{ entries []flow.Entry }

func (m *memory) Append(_ context.Context, entries ...flow.Entry) error {
	m.entries = append(m.entries, entries...)
	return nil
}
func (m *memory) Entries(context.Context) ([]flow.Entry, error) { return m.entries, nil }

type there string

func (w there) Published(context.Context) (string, bool, error) { return string(w), true, nil }

func second[T any](_ T, err error) error { return err }
