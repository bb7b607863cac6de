package build

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// scanned is the directory as scan found it, to be filtered as BuildKit does: it is not walked once more for that.
type scanned struct {
	root    string
	entries []entry
}

var _ fsutil.FS = scanned{}

// Walk implements fsutil.FS: what is in a directory follows it. Only directories are skipped.
func (s scanned) Walk(ctx context.Context, target string, do fs.WalkDirFunc) error {
	left := "" // a directory that is not wanted, with a slash
	for _, e := range slices.SortedFunc(slices.Values(s.entries), depthFirst) {
		if left != "" && strings.HasPrefix(e.path, left) || !inside(e.path, clean(target)) {
			continue
		}
		err := ctx.Err()
		if err == nil {
			err = do(filepath.FromSlash(e.path), &fsutil.DirEntryInfo{Stat: e.stat()}, nil)
		}
		if !errors.Is(err, fs.SkipDir) && err != nil {
			return err
		}
		if left = ""; err != nil {
			left = e.path + "/"
		}
	}
	return nil
}

// Open implements fsutil.FS.
func (s scanned) Open(name string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(s.root, name))
}

// depthFirst has a slash come before whatever else may be in a name.
func depthFirst(a, b entry) int {
	same := 0
	for same < min(len(a.path), len(b.path)) && a.path[same] == b.path[same] {
		same++
	}
	switch restA, restB := a.path[same:], b.path[same:]; {
	case restA == "" || restB == "":
		return len(restA) - len(restB)
	case restA[0] == '/':
		return -1
	case restB[0] == '/':
		return 1
	default:
		return int(restA[0]) - int(restB[0])
	}
}

func (e entry) stat() *types.Stat {
	stat := &types.Stat{Path: filepath.FromSlash(e.path), Mode: uint32(fileMode(e.mode)), ModTime: e.looks.Modified, Linkname: e.link}
	if e.kind != 'd' {
		stat.Size = e.looks.Size
	}
	return stat
}

// fileMode is a mode of the system as Go has it.
func fileMode(mode uint32) fs.FileMode {
	found := fs.FileMode(mode & 0o777)
	for _, s := range special {
		if mode&uint32(s.bit) != 0 {
			found |= s.flag
		}
	}
	switch kindOf(mode) {
	case 'd':
		return found | fs.ModeDir
	case 'l':
		return found | fs.ModeSymlink
	case 'o':
		return found | fs.ModeIrregular
	}
	return found
}
