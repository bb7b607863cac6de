package gitflow

import (
	"context"
	"os/exec"
	"strings"
	"testing"
)

// The same repository, finished by git-flow AVH and by us at the same second, has the same commits.
func TestFinishEqualsAVH(t *testing.T) {
	if _, err := (Git{}).Run(context.Background(), "", "flow", "version"); err != nil {
		t.Skip("SKIPPED: git-flow AVH is not installed (apt-get install git-flow)")
	}
	t.Setenv("GIT_AUTHOR_DATE", "1460000000 +0200")
	t.Setenv("GIT_COMMITTER_DATE", "1460000000 +0200")
	for _, production := range []string{"master", "production"} {
		ours := patched(t)
		sh(t, ours.clone(), "config", "gitflow.branch.master", production)
		sh(t, ours.clone(), "config", "gitflow.branch.hotfix/16.03.1a.base", production)
		if production != "master" {
			sh(t, ours.clone(), "branch", "-q", "-m", "master", production)
			sh(t, ours.server(), "symbolic-ref", "HEAD", "refs/heads/develop")
			sh(t, ours.clone(), "push", "-q", "origin", production, ":master")
		}
		for name, value := range map[string]string{"branch.develop": "develop", "prefix.hotfix": "hotfix/",
			"prefix.versiontag": "", "prefix.feature": "feature/", "prefix.release": "release/", "prefix.support": "support/"} {
			sh(t, ours.clone(), "config", "gitflow."+name, value)
		}
		theirs := product{t.TempDir()}
		copyTree(t, ours.root, theirs.root)
		sh(t, theirs.clone(), "remote", "set-url", "origin", theirs.server())

		cmd := exec.Command("git", "flow", "hotfix", "finish", "-p", "-m", "The urgent patch", "16.03.1a")
		cmd.Dir = theirs.clone()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		f := finisher(t, ours.clone(), "16.03.1a")
		f.Message = strings.TrimSpace(sh(t, theirs.server(), "tag", "-l", "--format=%(contents)", "16.03.1a"))
		mustRun(t, f)
		const format = "--format=%(refname) %(objectname) %(tree)%(*tree)"
		want, got := sh(t, theirs.server(), "for-each-ref", format), sh(t, ours.server(), "for-each-ref", format)
		if got != want {
			t.Errorf("AVH:\n%s\nhotfix:\n%s", want, got)
		}
	}
}
