package gitflow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

func TestFinishRefusedByTheServerMovesNothing(t *testing.T) {
	p := patched(t)
	hook := filepath.Join(p.server(), "hooks", "update")
	write(t, p.server(), "hooks/update", "#!/bin/sh\n[ $1 != refs/heads/master ] || { echo 'master is protected: ask Ann' >&2; exit 1; }\n")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	server, clone := sh(t, p.server(), "for-each-ref"), sh(t, p.clone(), "for-each-ref")
	_, err := do(finisher(t, p.clone(), "16.03.1a"))
	if err == nil || !strings.Contains(err.Error(), "master is protected: ask Ann") {
		t.Errorf("the server's words: %v", err)
	}
	if after := sh(t, p.server(), "for-each-ref"); after != server {
		t.Errorf("on the server %s became %s", server, after)
	}
	if after := sh(t, p.clone(), "for-each-ref"); after != clone {
		t.Errorf("in the clone %s became %s", clone, after)
	}
	if err := os.Remove(hook); err != nil {
		t.Fatal(err)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
}

func TestFinishRunsTheUsersPushHook(t *testing.T) {
	p := patched(t)
	write(t, p.clone(), ".git/hooks/pre-push", "#!/bin/sh\necho 'not on Fridays' >&2; exit 1\n")
	if err := os.Chmod(filepath.Join(p.clone(), ".git/hooks/pre-push"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := do(finisher(t, p.clone(), "16.03.1a")); err == nil || !strings.Contains(err.Error(), "not on Fridays") {
		t.Errorf("want the hook's words, got %v", err)
	}
}

// A server without atomic push gets one thing after the other, the deletion last; refused halfway, it goes on later.
func TestFinishWithoutAtomicPush(t *testing.T) {
	p := patched(t)
	sh(t, p.server(), "config", "receive.advertiseAtomic", "false")
	write(t, p.server(), "hooks/update", "#!/bin/sh\n[ $1 != refs/heads/develop ] || { echo 'not now' >&2; exit 1; }\n")
	if err := os.Chmod(filepath.Join(p.server(), "hooks/update"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := do(finisher(t, p.clone(), "16.03.1a"))
	if err == nil || !strings.Contains(err.Error(), "not now") || !strings.Contains(err.Error(), "published before that: master, tag 16.03.1a") {
		t.Errorf("refused halfway: %v", err)
	}
	sh(t, p.server(), "rev-parse", "--verify", "hotfix/16.03.1a")
	if err := os.Remove(filepath.Join(p.server(), "hooks/update")); err != nil {
		t.Fatal(err)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
	if got := sh(t, p.server(), "rev-parse", "develop^2", "16.03.1a^{}"); got != strings.Repeat(sh(t, p.server(), "rev-parse", "master")+"\n", 2)[:81] {
		t.Errorf("merged and tagged: %s", got)
	}
	if got := sh(t, p.server(), "branch", "--list", "hotfix/*"); got != "" {
		t.Errorf("left: %s", got)
	}
}

// Protected branches get pull requests; what others have merged is tagged and tidied up.
func TestFinishByPullRequest(t *testing.T) {
	p := patched(t)
	head := sh(t, p.clone(), "rev-parse", "HEAD")
	request := func() *Finish {
		f := finisher(t, p.clone(), "16.03.1a")
		f.PullRequest = true
		return f
	}
	refs := "refs/heads/develop\nrefs/heads/hotfix/16.03.1a\nrefs/heads/master\nrefs/heads/merge/16.03.1a-into-develop\n" +
		"refs/heads/merge/16.03.1a-into-master\nrefs/tags/16.03.1"
	have := func() string { return sh(t, p.server(), "for-each-ref", "--format=%(refname)") }
	report := mustRun(t, request())
	if told := report.text.String(); !strings.Contains(told, "merge/16.03.1a-into-master into master") {
		t.Errorf("told %q", told)
	}
	if why := mustRest(t, request()); !strings.Contains(why, "merge/16.03.1a-into-develop into develop") || have() != refs {
		t.Errorf("waits for %s; the server has\n%s", why, have())
	}
	dir := p.again(t, "colleague")
	accept := func(into string) {
		sh(t, dir, "checkout", "-q", into)
		sh(t, dir, "merge", "-q", "--no-ff", "-m", "Pull request", "origin/merge/16.03.1a-into-"+into)
		sh(t, dir, "push", "-q")
	}
	accept("master")
	mustRun(t, request())
	if got, want := sh(t, p.server(), "rev-parse", "16.03.1a^{}"), sh(t, dir, "rev-parse", "master"); got != want {
		t.Errorf("tagged %s, want %s", got, want)
	}
	if why := mustRest(t, request()); strings.Contains(why, "into master") || !strings.Contains(have(), "hotfix/16.03.1a") {
		t.Errorf("waits for %s; the server has\n%s", why, have())
	}
	accept("develop")
	mustRun(t, request())
	mustRest(t, request())
	if got := have(); got != "refs/heads/develop\nrefs/heads/master\nrefs/tags/16.03.1\nrefs/tags/16.03.1a" {
		t.Errorf("the server has\n%s", got)
	}
	sh(t, p.server(), "merge-base", "--is-ancestor", head, "develop")
}

func TestFinishStopsWhenTheRemoteMoves(t *testing.T) {
	p := patched(t)
	actions, _, err := plan(finisher(t, p.clone(), "16.03.1a"))
	if err != nil {
		t.Fatal(err)
	}
	dir := p.again(t, "colleague")
	save(t, dir, "other.txt", "meanwhile\n")
	sh(t, dir, "push", "-q")
	before := sh(t, p.server(), "for-each-ref")
	err = actions[0].Do(t.Context(), flow.Silent{})
	if err == nil || !strings.Contains(err.Error(), "moved since the plan") {
		t.Errorf("got %v", err)
	}
	if after := sh(t, p.server(), "for-each-ref"); after != before {
		t.Errorf("%s became %s", before, after)
	}
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
}

// Pull requests that were squashed or rebased bring the content without the commits: it is tagged where it came, and
// merged no second time.
func TestFinishBySquashedPullRequest(t *testing.T) {
	for name, accept := range map[string][]string{
		"squashed": {"merge -q --squash origin/merge/16.03.1a-into-%s", "commit -q -m Squashed"},
		"rebased":  {"cherry-pick 16.03.1..origin/hotfix/16.03.1a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := patched(t)
			save(t, p.clone(), "second.txt", "more\n")
			sh(t, p.clone(), "push", "-q")
			dir := p.again(t, "colleague")
			save(t, dir, "unrelated.txt", "production has moved\n")
			sh(t, dir, "push", "-q")
			request := func() *Finish {
				f := finisher(t, p.clone(), "16.03.1a")
				f.PullRequest = true
				return f
			}
			merged := func(into string) string {
				sh(t, dir, "fetch", "-q")
				sh(t, dir, "checkout", "-q", into)
				for _, command := range accept {
					sh(t, dir, strings.Fields(strings.ReplaceAll(command, "%s", into))...)
				}
				sh(t, dir, "push", "-q")
				return sh(t, dir, "rev-parse", "HEAD")
			}
			mustRun(t, request())
			master := merged("master")
			save(t, dir, "later.txt", "production has moved on\n")
			sh(t, dir, "push", "-q")
			heads := sh(t, p.server(), "for-each-ref")
			mustRefuse(t, finisher(t, p.clone(), "16.03.1a"), "squashed or rebased as "+master[:7], "--pull-request")
			if now := sh(t, p.server(), "for-each-ref"); now != heads {
				t.Errorf("refused, and the server has\n%s", now)
			}
			mustRun(t, request())
			if got := sh(t, p.server(), "rev-parse", "16.03.1a^{}"); got != master {
				t.Errorf("tagged %s, not what was merged, %s", got, master)
			}
			if why := mustRest(t, request()); !strings.Contains(why, "into develop") || strings.Contains(why, "into master") {
				t.Errorf("waits for %s", why)
			}
			develop := merged("develop")
			mustRun(t, request())
			mustRest(t, request())
			if got := sh(t, p.server(), "rev-parse", "develop"); got != develop {
				t.Errorf("develop was merged into again: %s", got)
			}
			if got := sh(t, p.server(), "for-each-ref", "--format=%(refname)"); got !=
				"refs/heads/develop\nrefs/heads/master\nrefs/tags/16.03.1\nrefs/tags/16.03.1a" {
				t.Errorf("the server has\n%s", got)
			}
			if got := sh(t, p.clone(), "branch", "--list", "hotfix/*"); got != "" {
				t.Errorf("this clone still has %s", got)
			}
		})
	}
}

// A hotfix without content, made to build once more, is no squashed one.
func TestFinishOfAnEmptyHotfix(t *testing.T) {
	p := newProduct(t)
	mustRun(t, starter(t, p.clone(), "16.03.1a"))
	sh(t, p.clone(), "commit", "-q", "--allow-empty", "-m", "Build again")
	sh(t, p.clone(), "push", "-q")
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
}
