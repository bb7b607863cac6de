package build

import (
	"archive/tar"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A tree is what layers amount to, by path. Under the names of whiteouts it also keeps what the layers delete of
// whatever is below them.
type tree map[string]node

// A node is a path as a process sees it, but for its times.
type node struct {
	kind         byte
	mode         int64
	uid, gid     int
	link         string
	major, minor int64
	size         int64
	sum          [sha256.Size]byte
	capability   string // what an executable may do beyond its user
	gone         bool   // a whiteout
}

const (
	whiteout = ".wh."
	opaque   = ".wh..wh..opq"
)

// flatten applies layers to what is below them, which it changes.
func flatten(below tree, layers []v1.Layer) (tree, error) {
	for _, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			return nil, fmt.Errorf("read a layer: %w", err)
		}
		found, err := readLayer(content)
		if err := errors.Join(err, content.Close()); err != nil {
			return nil, fmt.Errorf("read a layer: %w", err)
		}
		below.apply(found)
	}
	return below, nil
}

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
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if strings.HasPrefix(path.Base(name), whiteout) {
			found[name] = node{gone: true}
			continue
		}
		n := node{kind: header.Typeflag, mode: header.Mode & 0o7777, uid: header.Uid, gid: header.Gid, size: header.Size,
			link: header.Linkname, major: header.Devmajor, minor: header.Devminor, capability: header.PAXRecords["SCHILY.xattr.security.capability"]}
		sum := sha256.New()
		if _, err := io.Copy(sum, archive); err != nil {
			return nil, err
		}
		sum.Sum(n.sum[:0])
		found[name] = n
	}
}

// apply puts a layer on top: first it hides, then it adds.
func (t tree) apply(layer tree) {
	for name, n := range layer {
		if !n.gone {
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
		if old, ok := t[name]; ok && old.kind == tar.TypeDir && n.kind != tar.TypeDir && !n.gone {
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

func (t tree) equal(other tree) bool { return maps.Equal(t, other) }

// visible is the tree without what only says that something is gone.
func (t tree) visible() tree {
	seen := tree{}
	for name, n := range t {
		if !n.gone {
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
		if m, ok := other[name]; ok && m != n {
			return different
		}
	}
	return unknown
}
