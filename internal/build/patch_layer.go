package build

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A change is what a layer does to one path.
type change struct {
	path string
	node node
	kind byte // A added, M modified, D deleted, or a directory above one of these
}

// differences lists what makes the old content the new one, in order of the paths.
func differences(old, new tree) []change {
	found := map[string]change{}
	for name, n := range new {
		was, ok := old[name]
		switch {
		case !ok:
			found[name] = change{name, n, 'A'}
		case !was.same(n):
			found[name] = change{name, n, 'M'}
		}
	}
	for name := range old {
		if _, ok := new[name]; ok || name == "" {
			continue
		}
		if dir := path.Dir(name); dir == "." || new[dir].Kind == tar.TypeDir { // otherwise it goes with its directory
			found[name] = change{name, node{Gone: true}, 'D'}
		}
	}
	return slices.SortedFunc(maps.Values(withAncestors(found, new)), func(a, b change) int { return strings.Compare(a.path, b.path) })
}

// withAncestors adds the directories above the changes, as they are: without them, or with other headers, they
// would get root's mode and owner.
func withAncestors(found map[string]change, new tree) map[string]change {
	all := maps.Clone(found)
	for name := range found {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = change{dir, new[dir], 0}
			}
		}
	}
	return all
}

// header is the change as an archive has it: nothing in it is younger than the commit.
func (c change) header(latest time.Time) *tar.Header {
	if c.node.Gone {
		dir, base := path.Split(c.path)
		return &tar.Header{Typeflag: tar.TypeReg, Name: dir + whiteout + base, ModTime: time.Unix(0, 0)}
	}
	n := c.node
	h := &tar.Header{Typeflag: n.Kind, Name: c.path, Mode: n.Mode, Uid: n.UID, Gid: n.GID, Linkname: n.Link, Devmajor: n.Major, Devminor: n.Minor,
		ModTime: time.Unix(min(n.Time, latest.Unix()), 0)}
	switch n.Kind {
	case tar.TypeDir:
		h.Name += "/"
	case tar.TypeReg:
		h.Size = n.Size
	}
	return h
}

// A patch is the one layer of what changed.
type patch struct {
	changes []change
	from    map[string]string // where each file is in root
	root    string
	latest  time.Time
}

// archive writes the layer, uncompressed. A file that is no longer what it was is an error.
func (p patch) archive(to io.Writer) error {
	out := tar.NewWriter(to)
	for _, c := range p.changes {
		if err := out.WriteHeader(c.header(p.latest)); err != nil {
			return fmt.Errorf("%s: %w", c.path, err)
		}
		if c.node.Gone || c.node.Kind != tar.TypeReg {
			continue
		}
		from, ok := p.from[c.path]
		if !ok {
			return fmt.Errorf("/%s would come back from the base image", c.path)
		}
		if err := p.copy(out, from, c.node); err != nil {
			return fmt.Errorf("%s: %w", from, err)
		}
	}
	return out.Close()
}

func (p patch) copy(out io.Writer, from string, n node) error {
	file, err := os.Open(filepath.Join(p.root, filepath.FromSlash(from)))
	if err != nil {
		return err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(out, sum), file); err != nil {
		return err
	}
	if fileSum(sum.Sum(nil)) != n.Sum {
		return errors.New("it was changed meanwhile")
	}
	return nil
}

// write compresses the layer into the draft's blobs: the same content gives the same bytes.
func (p patch) write(d *draft) (diffID v1.Hash, err error) {
	file, err := os.CreateTemp(filepath.Join(d.dir, "blobs"), "layer-")
	if err != nil {
		return diffID, err
	}
	defer file.Close()
	plain, packed := sha256.New(), sha256.New()
	compress := gzip.NewWriter(io.MultiWriter(file, packed))
	if err := errors.Join(p.archive(io.MultiWriter(compress, plain)), compress.Close()); err != nil {
		return diffID, fmt.Errorf("write the layer: %w", err)
	}
	size, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return diffID, err
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(packed.Sum(nil))}
	d.add(digest, size)
	diffID = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(plain.Sum(nil))}
	return diffID, errors.Join(file.Close(), os.Chmod(file.Name(), 0o644), os.Rename(file.Name(), blobPath(d.dir, digest)))
}
