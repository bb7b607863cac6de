package build

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// closed is an image whose layers can't be read.
type closed struct{ v1.Image }

type closedLayer struct{ v1.Layer }

func (c closed) Layers() ([]v1.Layer, error) {
	layers, err := c.Image.Layers()
	for n := range layers {
		layers[n] = closedLayer{layers[n]}
	}
	return layers, err
}

func (closedLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.New("a layer was read") }

// On another machine the listing is read, and no layer; the patch is the same to the byte.
func TestListingStandsForLayers(t *testing.T) {
	p := newPatching(t)
	write(t, p.Directory.Path, "lib/Ä ö\n#=.php", "odd")
	first := p.make()
	listing, err := p.Contents.Listing(first)
	if err != nil || listing == nil {
		t.Fatalf("no listing: %v", err)
	}
	p.deployed = first
	write(t, p.Directory.Path, "index.php", "<?php // 2\n")
	want := p.digest()

	p.deployed, p.Contents = closed{first}, Contents{t.TempDir()}
	_, err = p.patched(t.Context(), p.spec, t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "a layer was read") {
		t.Fatalf("without a listing: %v", err)
	}
	p.Listings = func(_ context.Context, _ string, of v1.Image) ([]v1.Image, error) {
		if imageDigest(t, of) != imageDigest(t, first) {
			t.Error("asked for another image's")
		}
		return []v1.Image{listing}, nil
	}
	if got := p.digest(); got != want {
		t.Errorf("made %s, not %s", got, want)
	}
}

// digest is the patched image's.
func (p *patching) digest() v1.Hash {
	p.t.Helper()
	found, err := p.patched(p.t.Context(), p.spec, p.t.TempDir())
	must(p.t, err)
	draft, err := p.Cache.draft("php", p.Commit)
	must(p.t, err)
	digest, err := p.finish(found, p.spec, "content", draft)
	must(p.t, err)
	return digest
}

// A listing that the image's label does not name is not believed: the layers are read.
func TestListingOfAnotherImageIsNotBelieved(t *testing.T) {
	p := newPatching(t)
	write(t, p.Directory.Path, "index.php", "<?php // 2\n")
	first := p.make()
	write(t, p.Directory.Path, "index.php", "<?php // 3\n")
	other := p.make()
	listing, err := p.Contents.Listing(other)
	must(t, err)
	p.deployed, p.Contents = first, Contents{t.TempDir()}
	p.Listings = func(context.Context, string, v1.Image) ([]v1.Image, error) { return []v1.Image{listing}, nil }
	if err := p.learn(t.Context(), p.spec.Repository, first); err == nil || !strings.Contains(err.Error(), "no listing beside the image") {
		t.Errorf("learned: %v", err)
	}
	if found, err := p.patched(t.Context(), p.spec, t.TempDir()); err != nil || affected(found.recent) != 1 {
		t.Errorf("from the layers: %v", err)
	}
}

// Whatever a layer may hold is the same after it was written and read.
func TestListingText(t *testing.T) {
	want := tree{"app/a b\n\\#=ü\xff": {Kind: tar.TypeReg, Mode: 0o4755, UID: 33, GID: 34, Size: 5, Sum: [32]byte{1, 2}, Time: -3, Capability: "\x01 \x00"},
		"": {Kind: tar.TypeDir, Mode: 0o755}, "l": {Kind: tar.TypeSymlink, Mode: 0o777, Link: "../x y"}, "n": {Kind: tar.TypeChar, Major: 1, Minor: 3},
		"f": {Kind: tar.TypeFifo}, "b": {Kind: tar.TypeBlock, Minor: 7}, "h": {Kind: tar.TypeLink, Link: "app/x"}, "app/.wh.gone": {Gone: true}, "app/" + opaque: {Gone: true}}
	got, err := readText(want.text())
	if err != nil || len(got) != len(want) {
		t.Fatalf("%d of %d: %v\n%s", len(got), len(want), err, want.text())
	}
	for name, n := range want {
		if got[name] != n {
			t.Errorf("%q is %+v, not %+v", name, got[name], n)
		}
	}
	for _, bad := range []string{"", "#mtree\n./x type=odd\n", "#mtree\n./x type=file sha256digest=00\n", "#mtree\n./x\\9 type=file\n"} {
		if _, err := readText([]byte(bad)); err == nil {
			t.Errorf("read %q", bad)
		}
	}
}

// Two people in clones of their own, in folders of their own, make the same patched image to the byte, and the same
// listing beside it.
func TestTwoClonesMakeTheSameImage(t *testing.T) {
	product := newProduct(t)
	write(t, product.checkout, "Dockerfile", plainDockerfile)
	product.commit("an image")
	product.run(filepath.Dir(product.checkout), "clone", "-q", product.remote, "a colleague's")
	mine, theirs := product.sync(), product.sync()
	theirs.Repository = filepath.Join(filepath.Dir(product.checkout), "a colleague's")
	theirs.Directory.Path, theirs.Cache = filepath.Join(t.TempDir(), "elsewhere"), t.TempDir()
	deployed := newPatching(t).deployed
	var images, listings []string
	for _, s := range []*Sync{mine, theirs} {
		mustDo(t, s)
		p := newPatching(t)
		p.deployed, p.Directory, p.Commit = deployed, s.Directory, s.Commit
		found, err := p.patched(t.Context(), p.spec, t.TempDir())
		must(t, err)
		draft, err := p.Cache.draft("php", p.Commit)
		must(t, err)
		digest, err := p.finish(found, p.spec, "content", draft)
		must(t, err)
		images = append(images, digest.String())
		image, err := p.Cache.open(t.Context(), draft.dir)
		must(t, err)
		listing, err := p.Contents.Listing(image)
		must(t, err)
		listings = append(listings, imageDigest(t, listing))
	}
	if images[0] != images[1] || listings[0] != listings[1] {
		t.Errorf("the images are %v, the listings %v", images, listings)
	}
}
