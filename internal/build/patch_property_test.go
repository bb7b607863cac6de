package build

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// names are short on purpose, so that files, directories and links come where others were.
var names = []string{"a", "b", "lib", "Ä ö", "new\nline", "-rf", "..x", "sp ace", strings.Repeat("long", 40)}

// shake makes some random changes to the directory, as a commit or an installer would.
func shake(t *testing.T, dir string, random *rand.Rand) {
	t.Helper()
	for range 1 + random.IntN(6) {
		var parts []string
		for range 1 + random.IntN(4) {
			parts = append(parts, names[random.IntN(len(names))])
		}
		path := filepath.Join(dir, filepath.Join(parts...))
		for up := filepath.Dir(path); up != dir; up = filepath.Dir(up) { // a file on the way becomes a directory
			if info, err := os.Lstat(up); err == nil && !info.IsDir() {
				must(t, os.Remove(up))
			}
		}
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		alter(t, path, random)
	}
}

func alter(t *testing.T, path string, random *rand.Rand) {
	t.Helper()
	info, err := os.Lstat(path)
	there := err == nil
	switch kind := random.IntN(8); {
	case kind == 0 && there && info.Mode().IsRegular():
		must(t, os.Chmod(path, []os.FileMode{0o644, 0o755}[random.IntN(2)]))
	case kind == 1 && there:
		must(t, os.RemoveAll(path+".moved"))
		must(t, os.Rename(path, path+".moved"))
	case kind <= 2:
		must(t, os.RemoveAll(path))
	case kind == 3:
		must(t, os.RemoveAll(path))
		must(t, os.MkdirAll(path, 0o755)) // empty
	case kind == 4:
		must(t, os.RemoveAll(path))
		// To nowhere: fuse-overlayfs loses a directory in which a link to itself has become a directory.
		must(t, os.Symlink("to "+names[random.IntN(len(names))], path))
	default:
		if there && !info.Mode().IsRegular() {
			must(t, os.RemoveAll(path))
		}
		must(t, os.WriteFile(path, fmt.Appendf(nil, "%d", random.IntN(50)), 0o644))
	}
}

// Whatever commits change, the patched image holds what the directory does, in one layer over the full image.
func TestPatchOfRandomCommits(t *testing.T) {
	p, random := newPatching(t), rand.New(rand.NewPCG(4, 16))
	for range 10 {
		shake(t, p.Directory.Path, random)
	}
	p.deployed = p.full()
	layers, patches := len(manifestOf(t, p.deployed).Layers), 0
	for n := range 100 {
		shake(t, p.Directory.Path, random)
		image := p.make()
		if got, want := filesOf(t, image), p.truth(); !got.equal(want) {
			t.Fatalf("commit %d: the image differs from the directory: %s", n, firstDifference(got, want))
		}
		added := len(manifestOf(t, image).Layers) - layers
		if added > 1 {
			t.Fatalf("commit %d: %d layers over the full image", n, added)
		}
		patches += added
		p.deployed = image // the next patch is of the patched one
		if n%40 == 39 {
			p.deployed = p.full()
		}
	}
	if patches < 90 {
		t.Errorf("only %d patches had anything in them", patches)
	}
}

// Without the headers of the directories above, or with others, the proof fails.
func TestPatchProofWantsAncestors(t *testing.T) {
	p := newPatching(t)
	write(t, p.Directory.Path, "index.php", "<?php // 2\n")
	for name, broken := range map[string]func([]change) []change{
		"without the header of /app": func(all []change) []change {
			return slices.DeleteFunc(all, func(c change) bool { return c.path == "app" })
		},
		"with another header": func(all []change) []change {
			all[0].node.Mode, all[0].node.UID, all[0].node.GID = 0o755, 0, 0
			return all
		},
		"without the change": func(all []change) []change { return all[:1] },
	} {
		found, err := p.patched(t.Context(), p.spec, t.TempDir())
		must(t, err)
		if len(found.changes) != 2 || found.changes[0].path != "app" {
			t.Fatalf("the changes are %v", found.changes)
		}
		found.patch.changes = broken(found.patch.changes)
		draft, err := p.Cache.draft("php", p.Commit)
		must(t, err)
		if _, err := p.finish(found, p.spec, "content", draft); err == nil || !strings.Contains(err.Error(), "would not hold what the directory does: /app") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
