package build

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// What was scanned is filtered like the directory itself.
func TestScannedIsFilteredAsTheDirectoryIs(t *testing.T) {
	dir := oddTree(t)
	must(t, os.Remove(filepath.Join(dir, "pipe"))) // it is refused, whatever it is called
	for _, name := range []string{"k/one", "k/two.log", "k/keep.log", "k-b/one", "k.c", "k!/one", "B/x/y/z", "B/x/q", ".git/config", "B/.git/config"} {
		write(t, dir, name, name)
	}
	must(t, os.Chmod(filepath.Join(dir, "k"), 0o775|fs.ModeSetgid))
	must(t, os.Chmod(filepath.Join(dir, "k.c"), 0o755|fs.ModeSticky))
	entries, err := scan(t.Context(), dir, nil, nil)
	must(t, err)
	disk, err := fsutil.NewFS(dir)
	must(t, err)
	for _, patterns := range [][]string{{}, {"k"}, {"k/*.log", "!k/keep.log"}, {"B", "!B/x/y"}, {"**/one"}, {"*", "!k", "k/one"}, {"k-b", "k!"}} {
		patterns = append(patterns, ".git", "**/.git")
		want, got := filtered(t, disk, patterns), filtered(t, scanned{dir, entries}, patterns)
		if !slices.Equal(want, got) || len(want) == 0 {
			t.Errorf("%q:\nwant %v\ngot  %v", patterns, want, got)
		}
	}
}

func filtered(t *testing.T, of fsutil.FS, patterns []string) (all []string) {
	t.Helper()
	tree, err := fsutil.NewFilterFS(of, &fsutil.FilterOpt{ExcludePatterns: patterns})
	must(t, err)
	must(t, tree.Walk(t.Context(), "", func(name string, entry fs.DirEntry, err error) error {
		must(t, err)
		info, err := entry.Info()
		must(t, err)
		stat := info.Sys().(*types.Stat)
		all = append(all, fmt.Sprintf("%s %s %d %d %q %v", name, info.Mode(), stat.Size, stat.ModTime, stat.Linkname, entry.IsDir()))
		return nil
	}))
	return all
}
