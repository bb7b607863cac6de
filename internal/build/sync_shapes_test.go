package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
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

func TestAForeignDirectoryIsRefused(t *testing.T) {
	p := newProduct(t)
	mine := p.sync()
	mustDo(t, mine)
	other := filepath.Join(filepath.Dir(p.checkout), "other")
	p.run(filepath.Dir(p.checkout), "clone", "-q", p.remote, other)
	full := t.TempDir()
	write(t, full, "thesis.doc", "x")
	file := filepath.Join(full, "thesis.doc")
	for name, change := range map[string]func(s *Sync){
		"files":               func(s *Sync) { s.Directory.Path = full },
		"the checkout itself": func(s *Sync) { s.Directory.Path = p.checkout },
		"a repository":        func(s *Sync) { s.Directory.Path = other },
		"another's":           func(s *Sync) { s.Repository = other },
		"a file":              func(s *Sync) { s.Directory.Path = file },
		"under a file":        func(s *Sync) { s.Directory.Path = filepath.Join(file, "build") },
		"around the checkout": func(s *Sync) { s.Directory.Path = filepath.Dir(p.checkout) },
	} {
		s := p.sync()
		change(s)
		_, err := s.Plan(t.Context())
		if !errors.Is(err, flow.ErrUsage) || len(flow.Hints(err)) == 0 {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := s.Checks()[0].Do(t.Context()); err == nil {
			t.Errorf("%s: the check finds nothing", name)
		}
		must(t, os.MkdirAll(filepath.Dir(p.checkout), 0o755))
		if err := s.sync(t.Context(), flow.Silent{}); err == nil {
			t.Errorf("%s: synced all the same", name)
		}
	}
	if got := content(t, full); len(got) != 1 || got["thesis.doc"] == "" {
		t.Errorf("the foreign directory holds %q", got)
	}
	link := p.checkout + "-link"
	must(t, os.Symlink(p.checkout, link))
	same := p.sync()
	same.Repository = link
	mustDo(t, same)
	p.settled(same)
	must(t, os.Rename(p.checkout, p.checkout+"-moved"))
	p.checkout += "-moved"
	s := p.sync()
	mustDo(t, s)
	p.settled(s)
	if _, err := s.Checks()[0].Do(t.Context()); err != nil {
		t.Errorf("after the checkout has moved: %v", err)
	}
}

func TestAnUnwritableDirectoryIsRefused(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	s.Directory.Path = "/proc/hotfix/build" // not even root can
	if _, err := s.Checks()[0].Do(t.Context()); err == nil || len(flow.Hints(err)) == 0 {
		t.Errorf("the check: %v", err)
	}
	if os.Getuid() != 0 {
		closed := t.TempDir()
		must(t, os.Chmod(closed, 0o555))
		s.Directory.Path = filepath.Join(closed, "build")
		if _, err := s.Plan(t.Context()); !errors.Is(err, flow.ErrUsage) {
			t.Errorf("Plan: %v", err)
		}
	}
}

// Law: a plan changes nothing: not the directory, not the checkout, nothing beside them.
func TestSyncPlansWithoutATrace(t *testing.T) {
	p := newProduct(t)
	world := filepath.Dir(p.checkout)
	s := p.sync()
	look := func() string {
		text, err := Digest(t.Context(), world)
		must(t, err)
		for _, git := range []string{p.checkout, s.Directory.Path} {
			if more, err := Digest(t.Context(), filepath.Join(git, ".git"), "index"); err == nil {
				text += more
			}
		}
		return text
	}
	plan := func(when string) {
		before := look()
		_, _ = s.Plan(t.Context())
		if look() != before {
			t.Errorf("%s: the plan left a trace", when)
		}
		for _, check := range s.Checks() {
			_, _ = check.Do(t.Context())
		}
		if look() != before {
			t.Errorf("%s: a check left a trace", when)
		}
	}
	plan("before anything exists")
	mustDo(t, s)
	plan("settled")
	write(t, p.checkout, "web/index.php", "2")
	p.commit("second")
	s = p.sync()
	plan("a commit behind")
	write(t, s.Directory.Path, "left over", "x")
	plan("with something left over")
}

// With a broken clone inside the checkout, git would look for a repository further up, and clean that.
func TestTheRepositoryAroundIsNotTouched(t *testing.T) {
	p := newProduct(t)
	s := p.sync()
	s.Directory.Path = filepath.Join(p.checkout, "build")
	mustDo(t, s)
	p.settled(s)
	write(t, p.checkout, "precious.log", "an ignored file of the user's")
	write(t, p.checkout, "web/index.php", "an edit of the user's")
	must(t, os.Remove(filepath.Join(s.Directory.Path, ".git", "HEAD")))
	if done, err := do(t.Context(), s); err == nil {
		t.Errorf("did %q", done)
	}
	if got := content(t, p.checkout); got["precious.log"] == "" || !strings.HasSuffix(got["web/index.php"], "user's") {
		t.Error("the checkout was cleaned")
	}
}
