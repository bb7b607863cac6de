package build

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

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
