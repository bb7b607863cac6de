package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSubmodulesFollow(t *testing.T) {
	p := newProduct(t)
	beside := filepath.Dir(p.remote)
	p.run(beside, "init", "-q", "--bare", "library.git")
	library := filepath.Join(filepath.Dir(p.checkout), "library")
	p.run(beside, "clone", "-q", "library.git", library)
	pushLibrary := func(text string) {
		write(t, library, "lib.php", text)
		write(t, library, ".gitignore", "*.log\n")
		p.run(library, "add", "-A")
		p.run(library, "commit", "-q", "-m", text)
		p.run(library, "push", "-q", "origin", "HEAD")
	}
	pushLibrary("one")
	p.run(p.checkout, "submodule", "add", "-q", "../library.git", "lib with space")
	p.commit("a submodule, its url relative to the remote's")
	s := p.sync()
	mustDo(t, s)
	stamp := p.settled(s)

	write(t, s.Directory.Path, "lib with space/x.log", "ignored there")
	write(t, s.Directory.Path, "lib with space/lib.php", "edited")
	mustDo(t, s)
	if p.settled(s).Content != stamp.Content {
		t.Error("the submodule was not cleaned")
	}
	pushLibrary("two")
	p.run(filepath.Join(p.checkout, "lib with space"), "pull", "-q", "origin", "master")
	p.commit("a newer submodule")
	s = p.sync()
	mustDo(t, s)
	if got := content(t, s.Directory.Path)["lib with space/lib.php"]; got != "-rw-r--r-- two" {
		t.Errorf("the submodule holds %q", got)
	}
	p.settled(s)
	p.run(p.checkout, "rm", "-q", "lib with space")
	p.commit("no submodule")
	s = p.sync()
	mustDo(t, s)
	if got := content(t, s.Directory.Path); got["lib with space"] != "" {
		t.Errorf("the submodule is still there: %q", got)
	}
	p.settled(s)
}

// A shallow or partial clone of the user's lacks files, and a clone of it would too.
func TestAShallowOrPartialCheckoutIsNotTheSource(t *testing.T) {
	p := newProduct(t)
	p.run(p.remote, "config", "uploadpack.allowFilter", "true")
	write(t, p.checkout, "more.php", "more")
	p.commit("second")
	for name, args := range map[string][]string{
		"shallow": {"--depth=1"}, "partial": {"--filter=blob:none"}, "sparse": {"--sparse", "--filter=blob:none"},
	} {
		s := p.sync()
		s.Repository = filepath.Join(t.TempDir(), name)
		s.Directory.Path += name
		p.run(filepath.Dir(p.checkout), append(append([]string{"clone", "-q", "--no-checkout"}, args...), "file://"+p.remote, s.Repository)...)
		mustDo(t, s)
		p.settled(s)
		if got := content(t, s.Directory.Path); got["more.php"] == "" || got["web/index.php"] == "" {
			t.Errorf("%s: it holds %q", name, got)
		}
		if count := p.run(s.Directory.Path, "rev-list", "--count", "HEAD"); count != "2" {
			t.Errorf("%s: it knows %s commits", name, count)
		}
	}
}

func TestFiltersOfTheRepositoryApply(t *testing.T) {
	p := newProduct(t)
	p.run(p.checkout, "config", "filter.upper.smudge", "tr a-z A-Z")
	p.run(p.checkout, "config", "filter.upper.clean", "tr A-Z a-z")
	write(t, p.checkout, ".gitattributes", "*.up filter=upper\n*.crlf eol=crlf\n")
	write(t, p.checkout, "a.up", "HELLO\n")
	write(t, p.checkout, "a.crlf", "x\r\n")
	p.commit("attributes")
	s := p.sync()
	mustDo(t, s)
	got := content(t, s.Directory.Path)
	if got["a.up"] != "-rw-r--r-- HELLO\n" || got["a.crlf"] != "-rw-r--r-- x\r\n" {
		t.Errorf("it holds %q", got)
	}
	p.settled(s)
}

// The proof names what is wrong, whatever git's own exit status was.
func TestTheProofNamesTheFiles(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	mustDo(t, s)
	s.Git = spoiling{p.git, func() {
		write(t, s.Directory.Path, "x.log", "")
		write(t, s.Directory.Path, "new file", "")
		write(t, s.Directory.Path, "web/index.php", "a longer text than before\n")
		must(t, os.Remove(filepath.Join(s.Directory.Path, "link")))
	}}
	must(t, s.Directory.unstamp())
	p.run(filepath.Dir(p.checkout), "config", "--global", "status.showUntrackedFiles", "no")
	_, err := do(t.Context(), s)
	if err == nil {
		t.Fatal("it was taken for proven")
	}
	for _, want := range []string{"untracked new file", "ignored x.log", "modified web/index.php", "missing link"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in: %v", want, err)
		}
	}
	s.Git = p.git
	mustDo(t, s)
	p.settled(s)
}

// spoiling does something right after git has cleaned the directory.
type spoiling struct {
	Git
	spoil func()
}

func (g spoiling) Run(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := g.Git.Run(ctx, dir, args...)
	if strings.Contains(strings.Join(args, " "), "clean --quiet") {
		g.spoil()
	}
	return out, err
}
