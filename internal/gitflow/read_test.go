package gitflow

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

// go-git and git answer the same, and git serves what go-git can't open.
func TestReadersAgree(t *testing.T) {
	p := patched(t)
	ctx := context.Background()
	r, _ := open(t, p.clone())
	steady, ok := r.reader.(steadyReader)
	if !ok {
		t.Fatalf("an ordinary clone is read by %T", r.reader)
	}
	theirs, ours := steady.fast, steady.sure
	wantRefs, err1 := ours.refs(ctx)
	gotRefs, err2 := theirs.refs(ctx)
	if err1 != nil || err2 != nil || !maps.Equal(wantRefs, gotRefs) {
		t.Errorf("refs: %v %v, %v %v", wantRefs, err1, gotRefs, err2)
	}
	commits := slices.Sorted(maps.Values(wantRefs))
	for _, a := range commits {
		for _, b := range commits {
			wantPaths, err1 := ours.changed(ctx, a, b)
			gotPaths, err2 := theirs.changed(ctx, a, b)
			if slices.Sort(gotPaths); !slices.Equal(wantPaths, gotPaths) || err1 != nil || err2 != nil {
				t.Errorf("changed %s %s: %v %v, %v %v", a, b, wantPaths, err1, gotPaths, err2)
			}
		}
		for _, length := range []int{4, 7, 40} {
			want, err1 := ours.abbreviated(ctx, a[:length])
			got, err2 := theirs.abbreviated(ctx, a[:length])
			if !slices.Equal(want, got) || len(got) != 1 || err1 != nil || err2 != nil {
				t.Errorf("abbreviated %s: %v %v, %v %v", a[:length], want, err1, got, err2)
			}
		}
		for _, path := range []string{"app.txt", "feature.txt", "none.txt", "."} {
			want, err1 := ours.file(ctx, a, path)
			got, err2 := theirs.file(ctx, a, path)
			if string(want) != string(got) || errors.Is(err1, fs.ErrNotExist) != errors.Is(err2, fs.ErrNotExist) || (err1 == nil) != (err2 == nil) {
				t.Errorf("file %s %s: %q %v, %q %v", a, path, want, err1, got, err2)
			}
		}
	}
}

// Repositories that go-git can't read go through the whole routine all the same.
func TestUnusualRepositories(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, p product) string{
		"sparse": func(t *testing.T, p product) string {
			sh(t, p.clone(), "sparse-checkout", "set", "somewhere")
			return p.clone()
		},
		"partial": func(t *testing.T, p product) string {
			sh(t, p.server(), "config", "uploadpack.allowFilter", "true")
			sh(t, p.root, "clone", "-q", "--filter=blob:none", "file://"+p.server(), filepath.Join(p.root, "partial"))
			return filepath.Join(p.root, "partial")
		},
		"borrowed objects": func(t *testing.T, p product) string {
			sh(t, p.root, "clone", "-q", "--shared", p.server(), filepath.Join(p.root, "shared"))
			return filepath.Join(p.root, "shared")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := patched(t)
			dir := change(t, p)
			r, _ := open(t, dir)
			if _, ok := r.reader.(gitReader); !ok {
				t.Errorf("read by %T", r.reader)
			}
			sha := sh(t, p.server(), "rev-parse", "16.03.1^{}")
			if got, err := r.Resolve(t.Context(), sha[:7]); got != sha || err != nil {
				t.Errorf("%s is %s, %v", sha[:7], got, err)
			}
			mustRun(t, starter(t, dir, "16.03.1b"))
			sh(t, dir, "commit", "-q", "--allow-empty", "-m", "Patch")
			sh(t, dir, "push", "-q")
			mustRun(t, finisher(t, dir, "16.03.1b"))
			mustRest(t, finisher(t, dir, "16.03.1b"))
		})
	}
}

func TestSHA256Repository(t *testing.T) {
	root := t.TempDir()
	p := product{root}
	sh(t, root, "init", "-q", "--bare", "--object-format=sha256", p.server())
	sh(t, root, "init", "-q", "--object-format=sha256", p.clone())
	sh(t, p.clone(), "remote", "add", "origin", p.server())
	save(t, p.clone(), "app.txt", "1\n")
	sh(t, p.clone(), "tag", "16.03.1")
	sh(t, p.clone(), "branch", "develop")
	sh(t, p.clone(), "push", "-q", "--tags", "origin", "master", "develop")
	mustRun(t, starter(t, p.clone(), "16.03.1a"))
	save(t, p.clone(), "app.txt", "2\n")
	sh(t, p.clone(), "push", "-q")
	mustRun(t, finisher(t, p.clone(), "16.03.1a"))
	mustRest(t, finisher(t, p.clone(), "16.03.1a"))
}

func TestQuestions(t *testing.T) {
	p := patched(t)
	ctx := t.Context()
	r, s := open(t, p.clone())
	head := sh(t, p.clone(), "rev-parse", "HEAD")
	for _, rev := range []string{"HEAD", "hotfix/16.03.1a", "origin/hotfix/16.03.1a", head, head[:7], head[:5]} {
		if got, err := r.Resolve(ctx, rev); got != head || err != nil {
			t.Errorf("Resolve(%s) = %s, %v", rev, got, err)
		}
	}
	for _, pair := range []struct {
		old, new string
		want     bool
	}{{"16.03.1", "HEAD", true}, {"HEAD", "16.03.1", false}, {"develop", "HEAD", false}, {"HEAD", "HEAD", true}} {
		old, new := sh(t, p.clone(), "rev-parse", pair.old+"^{}"), sh(t, p.clone(), "rev-parse", pair.new+"^{}")
		if got, err := r.IsAncestor(ctx, old, new); got != pair.want || err != nil {
			t.Errorf("IsAncestor(%s, %s) = %v, %v", pair.old, pair.new, got, err)
		}
	}
	if _, err := r.IsAncestor(ctx, strings.Repeat("0", 40), head); err == nil {
		t.Error("IsAncestor of an unknown commit is no error")
	}
	for _, rev := range []string{"0000000", "nothing", "--help", strings.Repeat("0", 40)} {
		if got, err := r.Resolve(ctx, rev); !errors.Is(err, flow.ErrUsage) || len(flow.Hints(err)) == 0 {
			t.Errorf("Resolve(%s) = %s, %v", rev, got, err)
		}
	}
	if branch, err := r.CurrentBranch(ctx); branch != "hotfix/16.03.1a" || err != nil {
		t.Errorf("CurrentBranch = %s, %v", branch, err)
	}
	if version, ok := s.Version("hotfix/16.03.1a"); version != "16.03.1a" || !ok {
		t.Errorf("Version = %s, %v", version, ok)
	}
	save(t, p.clone(), "app.txt", "not pushed\n")
	commits, err := r.Unpushed(ctx, "origin", "hotfix/16.03.1a")
	if err != nil || len(commits) != 1 || commits[0].Subject != "Change app.txt" || commits[0].Author != "Tester" || commits[0].When.IsZero() {
		t.Errorf("Unpushed = %v, %v", commits, err)
	}
	if sha, ok, err := r.RemoteHead(ctx, "origin", "hotfix/16.03.1a"); sha != head || !ok || err != nil {
		t.Errorf("RemoteHead = %s, %v, %v", sha, ok, err)
	}
	if sha, ok, err := r.RemoteHead(ctx, "origin", "none"); ok || err != nil {
		t.Errorf("RemoteHead of nothing = %s, %v, %v", sha, ok, err)
	}
	write(t, p.clone(), "app.txt", "changed\n")
	write(t, p.clone(), "untracked", "")
	if paths, err := r.Uncommitted(ctx); !slices.Equal(paths, []string{"app.txt"}) || err != nil {
		t.Errorf("Uncommitted = %v, %v", paths, err)
	}
	sh(t, p.clone(), "checkout", "-q", "--detach")
	if branch, err := r.CurrentBranch(ctx); branch != "" || err != nil {
		t.Errorf("CurrentBranch = %s, %v", branch, err)
	}
}

func TestAmbiguousCommit(t *testing.T) {
	r, _ := open(t, newProduct(t).clone())
	tree := sh(t, r.Dir(), "rev-parse", "HEAD^{tree}")
	seen := map[string]string{} // the first four digits of a commit: the commit
	for i := 0; ; i++ {
		id := sh(t, r.Dir(), "commit-tree", tree, "-m", strings.Repeat("x", i))
		if other := seen[id[:4]]; other != "" && other != id {
			_, err := r.Resolve(t.Context(), id[:4])
			if err == nil || !strings.Contains(err.Error(), "ambiguous") || !strings.Contains(err.Error(), id) || !strings.Contains(err.Error(), other) {
				t.Errorf("Resolve(%s) = %v, want it to name %s and %s", id[:4], err, id, other)
			}
			return
		}
		seen[id[:4]] = id
	}
}

func TestSettings(t *testing.T) {
	p := newProduct(t)
	sh(t, p.clone(), "remote", "set-head", "origin", "develop") // as git-flow projects often show it
	_, got := open(t, p.clone())
	if want := (Settings{"origin", "master", "develop", "hotfix/", "", "calver"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for name, value := range map[string]string{"origin": "upstream", "branch.master": "live", "branch.develop": "next",
		"prefix.hotfix": "fix/", "prefix.versiontag": "v"} {
		sh(t, p.clone(), "config", "gitflow."+name, value)
	}
	_, got = open(t, p.clone())
	if want := (Settings{"upstream", "live", "next", "fix/", "v", "calver"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCredentialsStayOutOfSight(t *testing.T) {
	p := newProduct(t)
	sh(t, p.clone(), "remote", "set-url", "origin", "https://ann:s3cret@127.0.0.1:1/acme.git")
	r, _ := open(t, p.clone())
	if url, err := r.URL(t.Context(), "origin"); url != "https://***@127.0.0.1:1/acme.git" || err != nil {
		t.Errorf("URL = %s, %v", url, err)
	}
	if err := r.Fetch(t.Context(), "origin"); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("Fetch = %v", err)
	}
	for url, want := range map[string]string{
		"ssh://git@example.com/a.git": "ssh://git@example.com/a.git", "git@example.com:a.git": "git@example.com:a.git",
		"ssh://git:pw@example.com/a": "ssh://git@example.com/a", "https://TOKEN@example.com/a": "https://***@example.com/a",
		"https://example.com/a@b": "https://example.com/a@b"} {
		if got := Redact(url); got != want {
			t.Errorf("Redact(%s) = %s, want %s", url, got, want)
		}
	}
}

// What is of another kind, or deep, or only named otherwise is found by both alike.
func TestReadersAgreeOnWhatChanged(t *testing.T) {
	p := patched(t)
	ctx, dir := context.Background(), p.clone()
	for _, name := range []string{"same/deep/1", "dir/a/1", "dir/a/2", "dir/b", "file", "mode", "gone/x/y/z", "place/x"} {
		write(t, dir, name, name)
	}
	sh(t, dir, "add", "-A")
	sh(t, dir, "commit", "-q", "-m", "before")
	before := strings.TrimSpace(sh(t, dir, "rev-parse", "HEAD"))
	sh(t, dir, "rm", "-q", "-r", "dir/a", "file", "gone")
	sh(t, dir, "mv", "place", "other")
	for _, name := range []string{"dir/a", "file/in/it", "new/deep/1", "dir/b/c"} {
		if name == "dir/b/c" {
			sh(t, dir, "rm", "-q", "dir/b")
		}
		write(t, dir, name, name)
	}
	sh(t, dir, "add", "-A")
	sh(t, dir, "update-index", "--chmod=+x", "mode")
	sh(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+before+",module")
	sh(t, dir, "commit", "-q", "-m", "after")
	after := strings.TrimSpace(sh(t, dir, "rev-parse", "HEAD"))
	r, _ := open(t, dir)
	for _, pair := range [][2]string{{before, after}, {after, before}} {
		want, err1 := gitReader{r}.changed(ctx, pair[0], pair[1])
		got, err2 := gogitReader{dir}.changed(ctx, pair[0], pair[1])
		if slices.Sort(want); len(want) != 13 || err1 != nil || err2 != nil {
			t.Errorf("git finds %d: %q, %v, %v", len(want), want, err1, err2)
		}
		if slices.Sort(got); !slices.Equal(want, got) {
			t.Errorf("git: %q\ngo-git: %q", want, got)
		}
	}
}
