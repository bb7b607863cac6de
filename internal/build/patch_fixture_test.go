package build

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	blank "github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// past is a repository as far as a patch asks for it: what its one old commit held.
type past map[string]string

func (p past) File(_ context.Context, _, name string) ([]byte, error) {
	text, ok := p[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

// ChangedFiles are those whose text is not the old commit's.
func (p past) ChangedFiles(context.Context, string, string) ([]string, error) {
	return strings.Fields(p["changed"]), nil
}

const plainDockerfile = "FROM base\nWORKDIR /srv\nENV A=b\nCOPY . /app\nCMD [\"run\"]\n"

// patching is a directory and an image that was made of it, without any engine: the test writes the image's layers
// itself, straight from the directory.
type patching struct {
	*Images
	t        *testing.T
	spec     ImageSpec
	deployed v1.Image
	base     tree
}

func newPatching(t *testing.T) *patching {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "acme-build")
	write(t, dir, "Dockerfile", plainDockerfile)
	write(t, dir, "index.php", "<?php // 1\n")
	p := &patching{t: t, spec: ImageSpec{Name: "php", Repository: "registry.example.com/acme/php", Dockerfile: "Dockerfile"}}
	p.Images = &Images{Directory: Directory{Path: dir}, Commit: commit, Version: "16.03.1b", Created: committed, Tag: "t",
		Cache: Cache{Dir: t.TempDir()}, Contents: Contents{t.TempDir()}, History: past{"Dockerfile": plainDockerfile},
		Baseline: func(context.Context) (string, error) { return strings.Repeat("a", 40), nil },
		Deployed: func(context.Context, string) (v1.Image, error) { return p.deployed, nil }}
	p.Cache.Deployed, p.Specs = p.Deployed, []ImageSpec{p.spec}
	p.deployed = p.full()
	return p
}

// full is the image as BuildKit would make it: on a base whose /app has an owner and set-gid, and a file of its own.
func (p *patching) full() v1.Image {
	p.t.Helper()
	app := dir("app")
	app.Mode, app.Uid, app.Gid = 0o2775, 33, 33
	base := layerOf(p.t, app, file("app/of-the-base", "x"), dir("etc"), file("etc/hosts", "h"))
	p.base = filesOf(p.t, p.image([]v1.Layer{base}, nil))
	copied := []tar.Header{app}
	err := filepath.WalkDir(p.Directory.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == p.Directory.Path {
			return err
		}
		if entry.Name() == ".git" {
			return fs.SkipDir
		}
		copied = append(copied, p.header(path))
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return p.image([]v1.Layer{base, layerOf(p.t, dir("srv")), layerOf(p.t, copied...)}, []v1.History{
		{CreatedBy: "/bin/sh -c #(nop) ADD file:1 in / "}, {CreatedBy: "WORKDIR /srv"}, {CreatedBy: "ENV A=b", EmptyLayer: true},
		{CreatedBy: "COPY . /app # buildkit"}, {CreatedBy: `CMD ["run"]`, EmptyLayer: true}})
}

func (p *patching) image(layers []v1.Layer, history []v1.History) v1.Image {
	p.t.Helper()
	image, err := mutate.AppendLayers(blank.Image, layers...)
	if err != nil {
		p.t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		p.t.Fatal(err)
	}
	config = config.DeepCopy()
	config.History, config.Architecture, config.OS = history, "amd64", "linux"
	config.Config.Env, config.Config.Labels = []string{"A=b"}, map[string]string{"theirs": "kept"}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		p.t.Fatal(err)
	}
	return image
}

// header is a path of the directory as it is in the image; a file's text is in its Linkname.
func (p *patching) header(path string) tar.Header {
	p.t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		p.t.Fatal(err)
	}
	name, _ := filepath.Rel(p.Directory.Path, path)
	h := tar.Header{Typeflag: tar.TypeReg, Name: "app/" + name, Mode: unixMode(info.Mode())}
	switch {
	case info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case info.Mode()&fs.ModeSymlink != 0:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = os.Readlink(path); err != nil {
			p.t.Fatal(err)
		}
	default:
		text, err := os.ReadFile(path)
		if err != nil {
			p.t.Fatal(err)
		}
		h.Linkname = string(text)
	}
	return h
}

// truth is what the image must hold, read from the directory and the base, by none of the code under test.
func (p *patching) truth() tree {
	p.t.Helper()
	want := tree{"srv": {Kind: tar.TypeDir, Mode: 0o755}}
	for name, n := range p.base {
		want[name] = n
	}
	err := filepath.WalkDir(p.Directory.Path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == p.Directory.Path {
			return err
		}
		if entry.Name() == ".git" {
			return fs.SkipDir
		}
		h := p.header(path)
		n := node{Kind: h.Typeflag, Mode: h.Mode, Link: h.Linkname}
		if n.Kind == tar.TypeReg {
			n.Link, n.Size, n.Sum = "", int64(len(h.Linkname)), sha256.Sum256([]byte(h.Linkname))
		}
		want[strings.TrimSuffix(h.Name, "/")] = n
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return want
}

// patched makes the patch and returns the image as the cache has it.
func (p *patching) make() v1.Image {
	p.t.Helper()
	found, err := p.patched(p.t.Context(), p.spec, p.t.TempDir())
	if err != nil {
		p.t.Fatal(err)
	}
	draft, err := p.Cache.draft("php", p.Commit)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.patch(p.t.Context(), found, p.spec, "content", draft, &told{}); err != nil {
		p.t.Fatal(err)
	}
	if err := draft.keep(); err != nil {
		p.t.Fatal(err)
	}
	image := cachedImage(p.t, p.Images)
	return p.whole(image)
}

// whole is the image with its layers in memory: the cache's entry will be written over.
func (p *patching) whole(image v1.Image) v1.Image {
	p.t.Helper()
	layers, err := image.Layers()
	if err != nil {
		p.t.Fatal(err)
	}
	kept := make([]v1.Layer, len(layers))
	for n, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			p.t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			p.t.Fatal(err)
		}
		content.Close()
		if kept[n], err = tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }); err != nil {
			p.t.Fatal(err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		p.t.Fatal(err)
	}
	again, err := mutate.AppendLayers(blank.Image, kept...)
	if err != nil {
		p.t.Fatal(err)
	}
	if again, err = mutate.ConfigFile(again, config); err != nil {
		p.t.Fatal(err)
	}
	return again
}

func (p *patching) config(image v1.Image) *v1.ConfigFile {
	p.t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		p.t.Fatal(err)
	}
	return config.DeepCopy()
}

func (p *patching) reconfigured(image v1.Image, config *v1.ConfigFile) v1.Image {
	p.t.Helper()
	image, err := mutate.ConfigFile(image, config)
	if err != nil {
		p.t.Fatal(err)
	}
	return image
}

func layersOf(t *testing.T, image v1.Image) []v1.Layer {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	return layers
}

func link(name, to string) tar.Header {
	return tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777}
}
