package build

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"
)

// A source is a path that may enter the image: what it will be there, and where it is in the directory.
type source struct {
	path string
	node node
}

// sources reads what COPY would be given. root is the directory that the context is of; sums are known digests.
func sources(ctx context.Context, of fsutil.FS, root string, sums map[string]fileSum) ([]source, error) {
	var found []source
	err := of.Walk(ctx, "", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*types.Stat)
		if !ok {
			return fmt.Errorf("%s has no type", name)
		}
		one := source{path: filepath.ToSlash(name)}
		mode := fs.FileMode(stat.Mode)
		one.node.Mode = unixMode(mode)
		switch {
		case mode.IsDir():
			one.node.Kind = tar.TypeDir
		case mode&fs.ModeSymlink != 0:
			one.node.Kind, one.node.Mode, one.node.Link = tar.TypeSymlink, 0o777, stat.Linkname
		case mode.IsRegular():
			one.node.Kind, one.node.Size = tar.TypeReg, stat.Size
		default:
			return fmt.Errorf("%s is neither a file nor a directory nor a link", name)
		}
		found = append(found, one)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, hashSources(ctx, found, root, sums)
}

// hashSources adds the digests, and times that come from them: whatever the clock or the checkout, an unchanged
// file has the same one.
func hashSources(ctx context.Context, found []source, root string, sums map[string]fileSum) error {
	entries := make([]entry, len(found))
	for i, s := range found {
		entries[i].path = s.path
		sum, known := sums[s.path]
		if entries[i].sum = sum; s.node.Kind == tar.TypeReg && !known {
			entries[i].kind = 'f'
		}
	}
	if err := eachEntry(ctx, entries, func(e *entry) error { return e.read(root, nil) }); err != nil {
		return err
	}
	for i := range found {
		n := &found[i].node
		sum := entries[i].sum
		switch n.Kind {
		case tar.TypeReg:
			n.Sum = sum
		case tar.TypeSymlink:
			sum = sha256.Sum256([]byte(n.Link))
		}
		n.Time = timeOf(sum).Unix()
	}
	return nil
}

// special are the bits of a mode that Go has elsewhere than the system.
var special = [...]struct {
	flag fs.FileMode
	bit  int64
}{{fs.ModeSetuid, 0o4000}, {fs.ModeSetgid, 0o2000}, {fs.ModeSticky, 0o1000}}

// unixMode is a mode as an archive has it.
func unixMode(mode fs.FileMode) int64 {
	bits := int64(mode.Perm())
	for _, s := range special {
		if mode&s.flag != 0 {
			bits |= s.bit
		}
	}
	return bits
}

// A placed is what an image shall hold, and which path of the directory each file of it comes from.
type placed struct {
	tree
	from map[string]string
}

// place does on top of the base what the recipe's copies would. The directories that they lead to are what the old
// image has there: the same instructions made them on the same base.
func (r recipe) place(base, old tree, given []source) (placed, error) {
	p := placed{base, make(map[string]string, len(given))}
	at := make(map[string]int, len(given))
	for i, s := range given {
		at[s.path] = i
	}
	for name, n := range old {
		if _, ok := p.tree[name]; !ok && n.Kind == tar.TypeDir && name != "" && r.makes(name) {
			p.tree[name] = n
		}
	}
	for _, one := range r {
		for _, from := range one.sources {
			i, ok := at[from]
			var err error
			switch to := clean(one.dest); {
			case from == "" || ok && given[i].node.Kind == tar.TypeDir:
				err = p.putAll(old, to, from, given)
			case !ok:
				err = fmt.Errorf("%s, which the Dockerfile copies, is not in the directory", from)
			case given[i].node.Kind != tar.TypeReg:
				err = fmt.Errorf("%s, which the Dockerfile copies, is a link", from)
			case strings.HasSuffix(one.dest, "/"):
				err = p.put(old, path.Join(to, path.Base(from)), given[i])
			default:
				err = p.put(old, to, given[i])
			}
			if err != nil {
				return p, err
			}
		}
	}
	return p, nil
}

// putAll copies what is in a directory.
func (p placed) putAll(old tree, to, from string, given []source) error {
	for _, s := range given {
		rest, ok := s.path, true
		if from != "" {
			rest, ok = strings.CutPrefix(s.path, from+"/")
		}
		if !ok {
			continue
		}
		if err := p.put(old, path.Join(to, rest), s); err != nil {
			return err
		}
	}
	return nil
}

// put copies one path. What BuildKit would do through a link, or where a file and a directory meet, is left to it.
func (p placed) put(old tree, name string, s source) error {
	if name == "" {
		return errors.New("it copies a file onto the root")
	}
	if err := p.parents(old, path.Dir(name)); err != nil {
		return err
	}
	if there, ok := p.tree[name]; ok && there.Kind != s.node.Kind {
		return fmt.Errorf("/%s is of another kind below what is copied", name)
	}
	p.tree[name] = s.node.asDeployed(old[name])
	delete(p.from, name)
	if s.node.Kind == tar.TypeReg {
		p.from[name] = s.path
	}
	return nil
}

// asDeployed is the node as the old image has it, where git can't tell them apart: it knows of no mode but whether
// a file may be executed. An image from a checkout with another umask is not sent again for that.
func (n node) asDeployed(was node) node {
	alike := was
	alike.Mode = n.Mode
	if alike.same(n) && (n.Kind == tar.TypeDir || n.Mode&0o100 == was.Mode&0o100) {
		return was
	}
	return n
}

func (p placed) parents(old tree, dir string) error {
	for ; dir != "." && dir != ""; dir = path.Dir(dir) {
		there, ok := p.tree[dir]
		switch {
		case ok && there.Kind == tar.TypeDir:
			continue
		case ok:
			return fmt.Errorf("/%s is no directory in the base image", dir)
		case old[dir].Kind != tar.TypeDir:
			return fmt.Errorf("/%s is not in the deployed image", dir)
		}
		p.tree[dir] = old[dir]
	}
	return nil
}
