package gitflow

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFinishLeavesADirtyTreeAlone(t *testing.T) {
	p := patched(t)
	write(t, p.clone(), "app.txt", "being changed\n")
	write(t, p.clone(), "staged.txt", "staged\n")
	sh(t, p.clone(), "add", "staged.txt")
	write(t, p.clone(), "untracked.txt", "untracked\n")
	index, err := os.ReadFile(filepath.Join(p.clone(), ".git/index"))
	if err != nil {
		t.Fatal(err)
	}
	files := func() map[string]string {
		all := snapshot(t, p.clone())
		for path := range all {
			if strings.Contains(path, "/.git/") {
				delete(all, path)
			}
		}
		return all
	}
	before := files()
	report := mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	if !strings.Contains(report.text.String(), "still on hotfix/16.03.1a") {
		t.Errorf("not told: %q", report.text.String())
	}
	for path, sum := range files() {
		if before[path] != sum {
			t.Errorf("%s was changed", path)
		}
	}
	after, _ := os.ReadFile(filepath.Join(p.clone(), ".git/index"))
	if string(index) != string(after) {
		t.Error("the index was changed")
	}
	if why := mustRest(t, finisher(t, p.clone(), "16.03.1a")); !strings.Contains(why, "16.03.1a is finished") || !strings.Contains(why, "still on") {
		t.Errorf("why: %s", why)
	}
	sh(t, p.clone(), "reset", "-q", "--hard")
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	if got := sh(t, p.clone(), "branch", "--show-current"); got != "develop" {
		t.Errorf("on %s", got)
	}
}

func TestFinishRefuses(t *testing.T) {
	p := newProduct(t)
	dir := p.clone()
	mustRefuse(t, finisher(t, dir, "16.03.1a"), "origin has neither hotfix/16.03.1a nor a tag 16.03.1a", "hotfix start 16.03.1a")
	mustRun(t, starter(t, dir, "16.03.1a"))
	mustRefuse(t, finisher(t, dir, "16.03.1a"), "has no commits that master has not", "commit the patch")
	save(t, dir, "app.txt", "patched\n")
	sh(t, dir, "push", "-q")
	save(t, dir, "app.txt", "patched twice\n")
	mustRefuse(t, finisher(t, dir, "16.03.1a"), "commits that are not on origin: ", "git push origin hotfix/16.03.1a")
	sh(t, dir, "push", "-q")
	sh(t, dir, "tag", "16.03.1a", "master")
	mustRefuse(t, finisher(t, dir, "16.03.1a"), "there is a tag 16.03.1a here", "git tag -d 16.03.1a")
	sh(t, dir, "push", "-q", "origin", "16.03.1a")
	mustRefuse(t, finisher(t, dir, "16.03.1a"), "does not have the head of hotfix/16.03.1a", "next version")
	nowhere := finisher(t, dir, "16.03.1a")
	nowhere.Settings.Development = "dev"
	mustRefuse(t, nowhere, "no branch dev on origin", "gitflow.branch.develop")
	shallow := filepath.Join(p.root, "shallow")
	sh(t, p.root, "clone", "-q", "--depth=1", "--no-single-branch", "file://"+p.server(), shallow)
	mustRefuse(t, finisher(t, shallow, "16.03.1a"), "shallow", "git fetch --unshallow")
}

// Somebody merged into master by hand and stopped: what is missing is done, nothing twice.
func TestFinishCompletesWhatWasBegunByHand(t *testing.T) {
	p := patched(t)
	dir := p.again(t, "colleague")
	save(t, dir, "before.txt", "before\n")
	sh(t, dir, "merge", "-q", "--no-ff", "-m", "By hand", "origin/hotfix/16.03.1a")
	merged := sh(t, dir, "rev-parse", "HEAD")
	save(t, dir, "after.txt", "after\n")
	sh(t, dir, "push", "-q")
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	if got := sh(t, p.server(), "rev-parse", "16.03.1a^{}", "develop^2"); got != merged+"\n"+merged {
		t.Errorf("tagged and merged into develop: %s, want %s", got, merged)
	}
	if got, want := sh(t, p.server(), "rev-parse", "master"), sh(t, dir, "rev-parse", "HEAD"); got != want {
		t.Errorf("master moved to %s", got)
	}
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
}

func TestFinishAsksWhatWasDeployed(t *testing.T) {
	p := patched(t)
	head, parent := sh(t, p.clone(), "rev-parse", "HEAD"), sh(t, p.clone(), "rev-parse", "HEAD^")
	for _, c := range []struct {
		known         Deployment
		confirm, told string
	}{
		{Deployment{}, "", "not known whether"},
		{Deployment{Known: true}, "", "never deployed to the end"},
		{Deployment{Known: true, Commit: head}, "", "deployed as it is"},
		{Deployment{Known: true, Commit: head[:7]}, "", "deployed as it is"},
		{Deployment{Known: true, Commit: parent}, "16.03.1a", "  never deployed: "},
		{Deployment{Known: true, Commit: head, RolledBack: true}, "16.03.1a", "ROLLED BACK"},
	} {
		f := finisher(t, p.clone(), "16.03.1a")
		f.Deployed = func(context.Context) (Deployment, error) { return c.known, nil }
		actions, _, err := plan(f)
		if err != nil || f.Traits().Confirm != c.confirm || !f.Traits().Remote {
			t.Errorf("%+v: traits %+v, %v", c.known, f.Traits(), err)
		}
		if told := strings.Join(actions[0].Details, "\n"); !strings.Contains(told, c.told) {
			t.Errorf("%+v: %q", c.known, told)
		}
	}
	f := finisher(t, p.clone(), "16.03.1a")
	f.Deployed = func(context.Context) (Deployment, error) { return Deployment{}, errors.New("the log is unreadable") }
	mustRefuse(t, f, "the log is unreadable", "")
}

// Someone else finishes between our look at the remote and our fetch from it: looked at again, there is little left.
func TestFinishLooksAgainWhereSomeoneElseHasFinished(t *testing.T) {
	p := patched(t)
	f := finisher(t, p.again(t, "colleague"), "16.03.1a")
	save(t, p.clone(), "more.txt", "a commit that the colleague has not got\n")
	sh(t, p.clone(), "push", "-q")
	seen, err := f.Repository.listen(t.Context(), "origin")
	if err != nil {
		t.Fatal(err)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	f.Repository.heard.keep("origin", seen)
	if actions, _, err := plan(f); err != nil || strings.Contains(strings.Join(whats(actions), "\n"), "publish") {
		t.Errorf("%v, %v", whats(actions), err)
	}
}

// A hotfix of an old release: its tag will hold more than what was deployed, and the plan says so.
func TestFinishTellsWhatProductionHadMore(t *testing.T) {
	p := patched(t)
	dir := p.again(t, "colleague")
	save(t, dir, "version.txt", "16.04.1\n")
	sh(t, dir, "push", "-q")
	f := finisher(t, p.clone(), "16.03.1a")
	actions, _, err := plan(f)
	if err != nil || !strings.Contains(strings.Join(actions[0].Details, "\n"), "will differ from hotfix/16.03.1a in version.txt") {
		t.Errorf("%v, %v", actions, err)
	}
	if f.Traits().Confirm != "16.03.1a" {
		t.Error("it need not be typed")
	}
	master, develop, head := sh(t, p.server(), "rev-parse", "master"), sh(t, p.server(), "rev-parse", "develop"), sh(t, p.clone(), "rev-parse", "HEAD")
	alone := func() *Finish { // the other answer
		f := finisher(t, p.clone(), "16.03.1a")
		f.TagOnly = true
		return f
	}
	mustRun(t, alone())
	if why := mustRest(t, alone()); !strings.Contains(why, "merged nowhere") {
		t.Errorf("why: %s", why)
	}
	if got := sh(t, p.server(), "rev-parse", "master", "develop", "16.03.1a^{}"); got != master+"\n"+develop+"\n"+head {
		t.Errorf("master, develop, tag: %s", got)
	}
	if got := sh(t, p.server(), "branch", "--list", "hotfix/*"); got != "" {
		t.Errorf("left: %s", got)
	}
}

func TestFinishNamesOpenReleases(t *testing.T) {
	p := patched(t)
	sh(t, p.clone(), "push", "-q", "origin", "develop:refs/heads/release/16.04.1")
	actions, _, err := plan(finisher(t, p.clone(), "16.03.1a"))
	if err != nil || !strings.Contains(strings.Join(actions[0].Details, "\n"), "release/16.04.1 is open and does not get it") {
		t.Errorf("%v, %v", actions, err)
	}
}

func TestFinishWithOneBranch(t *testing.T) {
	p := patched(t)
	sh(t, p.clone(), "config", "gitflow.branch.develop", "master")
	before := sh(t, p.server(), "rev-parse", "develop")
	f := finisher(t, p.clone(), "16.03.1a")
	f.Message = "The urgent patch"
	mustRun(t, f)
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
	if got := sh(t, p.server(), "rev-parse", "develop"); got != before {
		t.Errorf("develop moved to %s", got)
	}
	if got := sh(t, p.clone(), "branch", "--show-current"); got != "master" {
		t.Errorf("on %s", got)
	}
	if got := sh(t, p.server(), "tag", "-l", "--format=%(contents)", "16.03.1a"); strings.TrimSpace(got) != "The urgent patch" {
		t.Errorf("tag says %q", got)
	}
}

func TestFinishInALinkedWorktree(t *testing.T) {
	p := patched(t)
	sh(t, p.clone(), "checkout", "-q", "develop")
	dir := filepath.Join(p.root, "linked")
	sh(t, p.clone(), "worktree", "add", "-q", dir, "hotfix/16.03.1a")
	mustRun(t, finisher(t, dir, "16.03.1a"))
	if why := mustRest(t, finisher(t, dir, "16.03.1a")); !strings.Contains(why, "develop is checked out in "+p.clone()) {
		t.Errorf("why: %s", why)
	}
	if got := sh(t, p.clone(), "status", "--porcelain"); got != "" {
		t.Errorf("the main working tree: %s", got)
	}
}
