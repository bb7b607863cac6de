package build

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"io"
	"maps"
	"path"
	"strings"
)

// A tree is what layers amount to, by path. Under the names of whiteouts it also keeps what the layers delete of
// whatever is below them.
type tree map[string]node

// A node is a path as a process sees it. Its time does not count when nodes are compared.
type node struct {
	Kind         byte
	Mode         int64
	UID, GID     int
	Link         string
	Major, Minor int64
	Size         int64
	Sum          fileSum
	Capability   string // what an executable may do beyond its user
	Gone         bool   // a whiteout
	Time         int64  // of its last change, in seconds
}

// same tells whether a process would see a difference, but for times.
func (n node) same(m node) bool {
	n.Time, m.Time = 0, 0
	return n == m
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// readLayer returns a layer's own entries, whiteouts among them.
func readLayer(content io.Reader) (tree, error) {
	found := tree{}
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		name := clean(header.Name)
		if strings.HasPrefix(path.Base(name), whiteout) {
			found[name] = node{Gone: true}
			continue
		}
		n := node{Kind: header.Typeflag, Mode: header.Mode & 0o7777, UID: header.Uid, GID: header.Gid, Size: header.Size, Link: header.Linkname,
			Major: header.Devmajor, Minor: header.Devminor, Capability: header.PAXRecords["SCHILY.xattr.security.capability"], Time: header.ModTime.Unix()}
		if target, ok := found[clean(header.Linkname)]; ok && n.Kind == tar.TypeLink {
			found[name] = target // one more name of the same file
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, archive); err != nil {
			return nil, err
		}
		if n.Kind == tar.TypeReg {
			sum.Sum(n.Sum[:0])
		}
		found[name] = n
	}
}

// clean is a path in an image without the slashes around it; empty for the root.
func clean(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// implied adds the directories that a layer's entries are in and that it does not name: an engine makes them, as
// root's and with the usual mode, whatever was there.
func (t tree) implied() tree {
	all := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir]; !ok {
				all[dir] = node{Kind: tar.TypeDir, Mode: 0o755}
			}
		}
	}
	return all
}

// apply puts a layer on top: first it hides, then it adds.
func (t tree) apply(layer tree) {
	for name, n := range layer {
		if !n.Gone {
			continue
		}
		dir, base := path.Split(name)
		if base == opaque {
			t.hide(strings.TrimSuffix(dir, "/"), false)
		} else {
			t.hide(dir+strings.TrimPrefix(base, whiteout), true)
		}
		t[name] = n
	}
	for name, n := range layer {
		if old, ok := t[name]; ok && old.Kind == tar.TypeDir && n.Kind != tar.TypeDir && !n.Gone {
			t.hide(name, true)
		}
		t[name] = n
	}
}

// hide removes what is under a path, and the path itself if asked to.
func (t tree) hide(dir string, itself bool) {
	for name := range t {
		if itself && name == dir || strings.HasPrefix(name, dir+"/") {
			delete(t, name)
		}
	}
}

func (t tree) equal(other tree) bool { return maps.EqualFunc(t, other, node.same) }

// visible is the tree without what only says that something is gone.
func (t tree) visible() tree {
	seen := make(tree, len(t))
	for name, n := range t {
		if !n.Gone {
			seen[name] = n
		}
	}
	return seen
}

type verdict int

const (
	equal     verdict = iota
	different         // whatever is below
	unknown           // it depends on what is below
)

// compare tells what two trees are on top of the same base.
func (t tree) compare(other tree) verdict {
	if t.equal(other) {
		return equal
	}
	for name, n := range t {
		if m, ok := other[name]; ok && !m.same(n) {
			return different
		}
	}
	return unknown
}
