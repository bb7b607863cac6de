package build

import (
	"encoding/gob"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// hashed remembers, by path, which content a file had when it looked like this. As with git's index, a file is
// taken for unchanged while its size, times and inode are: nobody sets a ctime.
type hashed map[string]seen

type seen struct {
	Size, Modified, Changed int64
	Inode                   uint64
	Sum                     fileSum
}

// tick is longer than the clock of any file system that hotfix runs on: what was changed so shortly before it
// was looked at could change again and look the same.
const tick = 20 * time.Millisecond

// same tells whether a file that looks like this now still looks as it did.
func (s seen) same(now seen) bool {
	now.Sum = s.Sum
	return now == s
}

func look(path string) (seen, error) {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return seen{}, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return looks(stat), nil
}

func looks(stat unix.Stat_t) seen {
	return seen{Size: stat.Size, Modified: stat.Mtim.Nano(), Changed: stat.Ctim.Nano(), Inode: stat.Ino}
}

// remember keeps what was found, but for files that changed within the last tick.
func remember(root string, entries []entry) (hashed, error) {
	known, limit := hashed{}, time.Now().Add(-tick).UnixNano()
	for _, e := range entries {
		if e.kind != 'f' && e.kind != 'x' {
			continue
		}
		now, err := look(filepath.Join(root, e.path))
		if err != nil {
			return nil, err
		}
		if now.Changed < limit {
			now.Sum = e.sum
			known[e.path] = now
		}
	}
	return known, nil
}

// readHashed reads what remember found. It is a saving: unreadable, it is empty.
func readHashed(path string) hashed {
	file, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer file.Close()
	var known hashed
	if gob.NewDecoder(file).Decode(&known) != nil {
		return nil
	}
	return known
}
