package gitflow

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestChanges(t *testing.T) {
	p := newProduct(t)
	write(t, p.clone(), "moved.txt", strings.Repeat("a line of its own\n", 20))
	save(t, p.clone(), "gone.txt", "soon\n")
	from := sh(t, p.clone(), "rev-parse", "HEAD")
	sh(t, p.clone(), "mv", "moved.txt", "new place.txt")
	sh(t, p.clone(), "rm", "-q", "gone.txt", "version.txt")
	if err := os.Symlink("app.txt", filepath.Join(p.clone(), "version.txt")); err != nil {
		t.Fatal(err)
	}
	write(t, p.clone(), "two\nlines", "")
	save(t, p.clone(), "app.txt", "patched\n")
	save(t, p.clone(), "ünï.txt", "new\n")
	write(t, p.clone(), "scratch/a", "")
	write(t, p.clone(), "scratch/b", "")
	write(t, p.clone(), "note", "")
	r, _ := open(t, p.clone())
	changes, err := r.Changes(t.Context(), from, sh(t, p.clone(), "rev-parse", "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	slices.Sort(got)
	want := []string{"A \"two\\nlines\"", "A ünï.txt", "D gone.txt", "M app.txt", "R moved.txt → new place.txt", "T version.txt"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if files, err := r.Untracked(t.Context()); err != nil || !slices.Equal(files, []string{"note", "scratch/"}) {
		t.Errorf("untracked: %q, %v", files, err)
	}
}
