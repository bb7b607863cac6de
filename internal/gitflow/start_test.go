package gitflow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestStartBeginsAtTheNewestHotfixOfTheRelease(t *testing.T) {
	p := newProduct(t)
	dir := p.clone()
	sh(t, dir, "checkout", "-q", "master")
	for _, tag := range []string{"16.03.1a", "16.03.1b", "16.04.1", "16.04.1c"} {
		save(t, dir, "version.txt", tag+"\n")
		sh(t, dir, "tag", "-a", "-m", tag, tag)
	}
	save(t, dir, "version.txt", "unreleased\n")
	sh(t, dir, "push", "-q", "--tags", "origin", "master")
	for version, start := range map[string]string{
		"16.03.1c": "tag 16.03.1b", "16.04.1d": "tag 16.04.1c", "16.05.1a": "master", "16.03.1d": "tag 16.03.1b"} {
		want := sh(t, dir, "rev-parse", strings.TrimPrefix(start, "tag ")+"^{}")
		actions, _, err := plan(starter(t, dir, version))
		if err != nil || !strings.Contains(actions[0].What, fmt.Sprintf("from %s (%s)", start, short(want))) {
			t.Errorf("%s: %v, %v; want it from %s", version, whats(actions), err, start)
		}
		clone := p.again(t, version)
		mustRun(t, starter(t, clone, version))
		if got := sh(t, clone, "rev-parse", "HEAD"); got != want {
			t.Errorf("%s begins at %s, want %s %s", version, got, start, want)
		}
	}
	other := starter(t, p.again(t, "from"), "16.03.1e")
	other.From = "16.03.1"
	mustRun(t, other)
	if got, want := sh(t, p.server(), "rev-parse", "hotfix/16.03.1e"), sh(t, dir, "rev-parse", "16.03.1^{}"); got != want {
		t.Errorf("from 16.03.1: got %s, want %s", got, want)
	}
}

func TestStartRefusesVersions(t *testing.T) {
	p := newProduct(t)
	dir := p.clone()
	sh(t, dir, "tag", "16.03.1a")
	sh(t, dir, "push", "-q", "origin", "16.03.1a", "master:refs/heads/hotfix/16.03.1b")
	mustKeep(t, p.root, func() {
		for version, words := range map[string]string{
			"16.03.1": "not a hotfix version", "16.3.1c": "not a hotfix version", "16.03.1A": "not a hotfix version",
			"hotfix/16.03.1c": "not a hotfix version", "": "which version?", "-x": "not a hotfix version",
			"16.03.1a": "16.03.1a is taken: there is a tag 16.03.1a"} {
			mustRefuse(t, starter(t, dir, version), words, "hotfix start 16.03.1c")
		}
		missing := starter(t, dir, "16.03.1c")
		missing.From = "abcdef1"
		mustRefuse(t, missing, "unknown commit: abcdef1", "git fetch")
	})
}

func TestStartJoinsAColleague(t *testing.T) {
	p := patched(t)
	dir := p.again(t, "colleague")
	before := sh(t, p.server(), "for-each-ref")
	mustRun(t, starter(t, dir, "16.03.1a"))
	if got, want := sh(t, dir, "rev-parse", "HEAD"), sh(t, p.clone(), "rev-parse", "HEAD"); got != want {
		t.Errorf("joined at %s, the branch is at %s", got, want)
	}
	if why := mustRest(t, starter(t, dir, "16.03.1a")); why != "already on hotfix/16.03.1a, pushed" {
		t.Errorf("why: %s", why)
	}
	if after := sh(t, p.server(), "for-each-ref"); after != before {
		t.Errorf("the server was changed: %s", after)
	}
	// The colleague goes on; the first one, who was elsewhere, comes back and has it all.
	save(t, dir, "app.txt", "more\n")
	sh(t, dir, "push", "-q")
	sh(t, p.clone(), "checkout", "-q", "develop")
	mustRun(t, starter(t, p.clone(), "16.03.1a"))
	if got, want := sh(t, p.clone(), "rev-parse", "HEAD"), sh(t, dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("came back to %s, the branch is at %s", got, want)
	}
}

func TestStartInACloneOfOneBranch(t *testing.T) {
	p := patched(t)
	for _, version := range []string{"16.03.1a", "16.03.1b"} {
		dir := filepath.Join(p.root, "single"+version)
		sh(t, p.root, "clone", "-q", "--single-branch", "--no-tags", "--branch=develop", "file://"+p.server(), dir)
		s := starter(t, dir, version)
		mustRun(t, s)
		mustRest(t, s)
		if got, want := sh(t, dir, "rev-parse", "HEAD"), sh(t, p.server(), "rev-parse", "hotfix/"+version); got != want {
			t.Errorf("%s at %s, want %s", version, got, want)
		}
	}
}

func TestStartRefusesADirtyTree(t *testing.T) {
	p := newProduct(t)
	write(t, p.clone(), "untracked.txt", "kept")
	for _, stage := range []bool{false, true} {
		write(t, p.clone(), "app.txt", "changed\n")
		if stage {
			sh(t, p.clone(), "add", "app.txt")
		}
		mustKeep(t, p.root, func() {
			mustRefuse(t, starter(t, p.clone(), "16.03.1a"), "uncommitted changes: app.txt", "git stash")
		})
	}
	sh(t, p.clone(), "checkout", "-q", "-f", "HEAD", "--", "app.txt")
	mustRun(t, starter(t, p.clone(), "16.03.1a"))
	write(t, p.clone(), "app.txt", "the patch, being written\n")
	mustRest(t, starter(t, p.clone(), "16.03.1a"))
}

func TestStartNamesWhatTheBranchWillNotHave(t *testing.T) {
	p := patched(t)
	colleague := p.again(t, "colleague")
	actions, _, err := plan(starter(t, colleague, "16.03.1b"))
	told := strings.Join(actions[0].Details, "\n")
	if err != nil || !strings.Contains(told, "hotfix/16.03.1a, of the same release, is not finished") || strings.Contains(told, "--tag-only") {
		t.Errorf("%q, %v", told, err)
	}
	sh(t, p.clone(), "checkout", "-q", "master")
	save(t, p.clone(), "version.txt", "16.04.1\n")
	sh(t, p.clone(), "push", "-q")
	report := mustRun(t, starter(t, colleague, "16.03.1b"))
	if told := report.text.String(); !strings.Contains(told, "master has more than tag 16.03.1") {
		t.Errorf("%q", told)
	}
}

// The branch appears, with a commit, between a starter's plan and its push.
func TestALateStarterJoins(t *testing.T) {
	p := newProduct(t)
	late, quick := p.clone(), p.again(t, "quick")
	slow := starter(t, late, "16.03.1a")
	slow.Creator = func(context.Context) string { return "ann@laptop" }
	actions, _, err := plan(slow)
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, starter(t, quick, "16.03.1a"))
	save(t, quick, "app.txt", "patched\n")
	sh(t, quick, "push", "-q")
	report := &facts{}
	for _, a := range actions {
		if err := a.Do(t.Context(), report); err != nil {
			t.Fatal(err)
		}
	}
	if report.have["joined"] == "" || !strings.Contains(report.text.String(), "ann@laptop created") {
		t.Errorf("not told: %v %s", report.have, report.text.String())
	}
	if got, want := sh(t, late, "rev-parse", "HEAD"), sh(t, quick, "rev-parse", "HEAD"); got != want {
		t.Errorf("at %s, want %s", got, want)
	}
}

func TestStartWithoutItsRemote(t *testing.T) {
	p := newProduct(t)
	if err := os.Rename(p.server(), p.server()+".away"); err != nil {
		t.Fatal(err)
	}
	mustKeep(t, p.root, func() {
		mustRefuse(t, starter(t, p.clone(), "16.03.1a"), "asking remote origin", "git ls-remote origin")
	})
	if _, err := Open(t.Context(), t.TempDir()); err == nil || !strings.Contains(strings.Join(flow.Hints(err), ""), "-C DIR") {
		t.Errorf("outside of a repository: %v", err)
	}
}
