package gitflow

import (
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestFinishNamesConflictsBeforeAnythingChanges(t *testing.T) {
	p := patched(t)
	dir := p.again(t, "colleague")
	save(t, dir, "app.txt", "a\nb\nc\nOTHER\ne\nf\ng\n") // on master
	sh(t, dir, "push", "-q")
	sh(t, dir, "checkout", "-q", "develop")
	sh(t, dir, "rm", "-q", "app.txt")
	sh(t, dir, "commit", "-q", "-m", "Remove")
	sh(t, dir, "push", "-q")
	mustKeep(t, p.root, func() {
		err := mustRefuseAny(t, finisher(t, p.clone(), "16.03.1a"))
		for _, words := range []string{"can't be merged into master", "Merge conflict in app.txt",
			"can't be merged into develop", "app.txt deleted in"} {
			if !strings.Contains(err.Error(), words) {
				t.Errorf("%q is not in %q", words, err)
			}
		}
	})
	// The way out, as the hints say it: master into the hotfix, the hotfix into develop.
	save(t, p.clone(), "app.txt", "a\nb\nc\nOTHER\ne\nf\ng\n")
	sh(t, p.clone(), "fetch", "-q")
	sh(t, p.clone(), "merge", "-q", "--no-edit", "origin/master")
	save(t, p.clone(), "app.txt", "a\nb\nc\nBOTH\ne\nf\ng\n")
	sh(t, p.clone(), "push", "-q")
	err := mustRefuseAny(t, finisher(t, p.clone(), "16.03.1a"))
	if strings.Contains(err.Error(), "into master") || !strings.Contains(err.Error(), "into develop") {
		t.Fatalf("after the first remedy: %v", err)
	}
	sh(t, dir, "fetch", "-q")
	sh(t, dir, "merge", "-q", "--no-edit", "-s", "ours", "origin/master")
	sh(t, dir, "merge", "-q", "--no-edit", "-s", "ours", "origin/hotfix/16.03.1a")
	sh(t, dir, "push", "-q")
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
	if got := sh(t, p.server(), "show", "master:app.txt"); got != "a\nb\nc\nBOTH\ne\nf\ng" {
		t.Errorf("master has %q", got)
	}
	if got := sh(t, p.server(), "ls-tree", "--name-only", "develop"); strings.Contains(got, "app.txt") {
		t.Errorf("develop has %q", got)
	}
}

func mustRefuseAny(t *testing.T, p flow.Phase) error { return mustRefuse(t, p, "", "") }

// Attributes are the merge target's: on master CHANGELOG merges by union, on the hotfix it doesn't know.
func TestFinishMergesWithTheTargetsAttributes(t *testing.T) {
	for name, attributes := range map[string]string{".gitattributes": "CHANGELOG merge=union", "doc/.gitattributes": "CHANGELOG merge=union"} {
		p := newProduct(t)
		changelog := filepath.Join(filepath.Dir(name), "CHANGELOG")
		save(t, p.clone(), changelog, "begin\n")
		sh(t, p.clone(), "push", "-q")
		sh(t, p.clone(), "checkout", "-q", "master")
		sh(t, p.clone(), "merge", "-q", "--no-ff", "--no-edit", "develop")
		sh(t, p.clone(), "tag", "16.04.1")
		sh(t, p.clone(), "push", "-q", "--tags", "origin", "master")
		mustRun(t, starter(t, p.clone(), "16.04.1a"))
		save(t, p.clone(), changelog, "begin\nhotfix\n")
		sh(t, p.clone(), "push", "-q")
		for _, branch := range []string{"master", "develop"} {
			dir := p.again(t, "on-"+branch)
			sh(t, dir, "checkout", "-q", branch)
			save(t, dir, name, attributes+"\n")
			save(t, dir, changelog, "begin\n"+branch+"\n")
			sh(t, dir, "push", "-q")
		}
		mustRun(t, finisher(t, p.clone(), "16.04.1a"))
		if got := sh(t, p.server(), "show", "master:"+changelog); got != "begin\nmaster\nhotfix" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// What the hotfix's own working tree says about attributes does not count.
func TestFinishIgnoresTheUsersAttributes(t *testing.T) {
	p := patched(t)
	dir := p.again(t, "colleague")
	save(t, dir, "app.txt", "a\nb\nc\nOTHER\ne\nf\ng\n")
	sh(t, dir, "push", "-q")
	save(t, p.clone(), ".gitattributes", "app.txt merge=union\n")
	sh(t, p.clone(), "push", "-q")
	mustRefuse(t, finisher(t, p.clone(), "16.03.1a"), "Merge conflict in app.txt", "git merge origin/master")
}
