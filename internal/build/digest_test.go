package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func oddTree(t *testing.T) string {
	dir := t.TempDir()
	for _, name := range []string{"a", "a b", "a\nb", "ä", "\xff\xfe", "-rf", "d/e/f", "d.e", "'", "*", "📦/x", ".hidden"} {
		write(t, dir, name, name)
	}
	must(t, os.Mkdir(filepath.Join(dir, "empty"), 0o700))
	must(t, os.Symlink("a b", filepath.Join(dir, "link")))
	must(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	return dir
}

func digestOf(t *testing.T, dir string, excluded ...string) string {
	t.Helper()
	sum, err := Digest(t.Context(), dir, excluded...)
	must(t, err)
	return sum
}

func TestDigestSeesWhatAnImageSees(t *testing.T) {
	dir := oddTree(t)
	want := digestOf(t, dir)
	for range 3 {
		if got := digestOf(t, oddTree(t)); got != want {
			t.Fatal("the same tree, another digest")
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	same := map[string]func(){
		"a time":            func() { must(t, os.Chtimes(in("a"), time.Time{}, time.Unix(1, 0))) },
		"a group bit":       func() { must(t, os.Chmod(in("a"), 0o664)) },
		"a directory's bit": func() { must(t, os.Chmod(in("d"), 0o700)) },
		".git":              func() { write(t, dir, ".git/x", ""); write(t, dir, "d/.git", "gitdir: /home/u") },
	}
	for name, change := range same {
		if change(); digestOf(t, dir) != want {
			t.Errorf("%s changed the digest", name)
		}
	}
	seen := map[string]string{want: "nothing"}
	for _, c := range []struct {
		name   string
		change func()
	}{
		{"a text", func() { write(t, dir, "a", "b") }},
		{"an executable bit", func() { must(t, os.Chmod(in("a"), 0o755)) }},
		{"a name", func() { must(t, os.Rename(in("a b"), in("a  b"))) }},
		{"a link", func() { must(t, os.Remove(in("link"))); must(t, os.Symlink("a", in("link"))) }},
		{"a link to a file", func() { must(t, os.Remove(in("link"))); write(t, dir, "link", "a") }},
		{"an empty directory", func() { must(t, os.Remove(in("empty"))) }},
		{"a new file", func() { write(t, dir, "d/new", "") }},
		{"a directory's place", func() { must(t, os.Rename(in("d/e"), in("e"))) }},
	} {
		c.change()
		got := digestOf(t, dir)
		if before, ok := seen[got]; ok {
			t.Errorf("after %s as after %s", c.name, before)
		}
		seen[got] = c.name
	}
}

func TestDigestExcludes(t *testing.T) {
	dir := oddTree(t)
	want := digestOf(t, dir)
	write(t, dir, "d/secret", "x")
	write(t, dir, "more/deep/x", "x")
	if digestOf(t, dir) == want {
		t.Error("files are not seen")
	}
	if digestOf(t, dir, "d/secret", "more") != want {
		t.Error("excluded files are seen")
	}
}

// What is remembered of a file is not believed once it may have changed.
func TestRememberedFilesAreLookedAt(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "one")
	time.Sleep(2 * tick) // only what is older than the clock's tick is remembered at all
	entries, err := scan(t.Context(), dir, nil, nil)
	must(t, err)
	known, err := remember(dir, entries)
	must(t, err)
	if len(known) != 1 {
		t.Fatalf("remembered %d files", len(known))
	}
	before, err := os.Stat(filepath.Join(dir, "a"))
	must(t, err)
	write(t, dir, "a", "two")
	must(t, os.Chtimes(filepath.Join(dir, "a"), before.ModTime(), before.ModTime()))
	again, err := scan(t.Context(), dir, nil, known)
	must(t, err)
	if fresh := digestOf(t, dir); digest(again) != fresh {
		t.Error("a changed file of the same size and time was taken for the old one")
	}
	known["a"] = seen{Sum: known["a"].Sum}
	if again, err = scan(t.Context(), dir, nil, known); err != nil || digest(again) != digestOf(t, dir) {
		t.Error("a false memory was believed")
	}
	entries, err = scan(t.Context(), dir, nil, nil)
	must(t, err)
	if known, err = remember(dir, entries); err != nil || len(known) != 0 {
		t.Errorf("a file of this very moment was remembered: %v %v", known, err)
	}
}
