package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// list finds the paths and what each looks like, in order of the paths. Directories are read several at a time.
func list(ctx context.Context, root string, excluded []string) ([]entry, error) {
	l := &lister{root: root, excluded: excluded}
	l.work.SetLimit(2 * runtime.GOMAXPROCS(0))
	err := l.read(ctx, "")
	err = errors.Join(err, l.work.Wait())
	slices.SortFunc(l.found, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	return l.found, err
}

type lister struct {
	root     string
	excluded []string
	work     errgroup.Group
	mu       sync.Mutex
	found    []entry
}

// read lists one directory, and those in it: beside this one, while there is a hand free.
func (l *lister) read(ctx context.Context, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := l.entries(dir)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.found = append(l.found, entries...)
	l.mu.Unlock()
	for _, e := range entries {
		below := func() error { return l.read(ctx, e.path) }
		if e.kind != 'd' || l.work.TryGo(below) {
			continue
		}
		if err := below(); err != nil {
			return err
		}
	}
	return nil
}

func (l *lister) entries(dir string) ([]entry, error) {
	place := filepath.Join(l.root, filepath.FromSlash(dir))
	opened, err := os.Open(place)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	names, err := opened.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, 0, len(names))
	for _, name := range names {
		relative := path.Join(dir, name)
		if name == ".git" || slices.Contains(l.excluded, relative) {
			continue
		}
		var stat unix.Stat_t
		if err := unix.Fstatat(int(opened.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return nil, &fs.PathError{Op: "lstat", Path: filepath.Join(place, name), Err: err}
		}
		mode := uint32(stat.Mode)
		entries = append(entries, entry{path: relative, kind: kindOf(mode), mode: mode, looks: looks(stat)})
	}
	return entries, nil
}

func kindOf(mode uint32) byte {
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return 'd'
	case unix.S_IFLNK:
		return 'l'
	case unix.S_IFREG:
		if mode&0o100 != 0 {
			return 'x'
		}
		return 'f'
	}
	return 'o'
}
