package build

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	blank "github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/sandbox"
)

// A street is one image of many: each of them in a folder of its own, layer by layer. What the engine makes of
// layers it makes of each folder's, and hundreds of commits take one container.
type street struct {
	t      *testing.T
	layers [][]tar.Header // a file's text is in its Linkname
}

// house adds the layers of one more image. alter may change what a layer holds.
func (s *street) house(number int, layers []v1.Layer, alter func([]tar.Header) []tar.Header) {
	s.t.Helper()
	for n, layer := range layers {
		if n == len(s.layers) {
			s.layers = append(s.layers, nil)
		}
		headers := headersOf(s.t, layer)
		if n == 3 && alter != nil {
			headers = alter(headers)
		}
		for _, h := range headers {
			h.Name = fmt.Sprintf("%03d/%s", number, h.Name)
			s.layers[n] = append(s.layers[n], h)
		}
	}
}

func headersOf(t *testing.T, layer v1.Layer) (all []tar.Header) {
	t.Helper()
	content, err := layer.Uncompressed()
	must(t, err)
	defer content.Close()
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		must(t, err)
		if header.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(archive)
			must(t, err)
			header.Linkname = string(text)
		}
		all = append(all, *header)
	}
}

// inContainer is what a process in a container of the image would see.
func (s *street) inContainer(engine client.APIClient, tag string) tree {
	s.t.Helper()
	var layers []v1.Layer
	for _, headers := range s.layers {
		layers = append(layers, layerOf(s.t, headers...))
	}
	image, err := mutate.AppendLayers(blank.Image, layers...)
	must(s.t, err)
	config, err := image.ConfigFile()
	must(s.t, err)
	config = config.DeepCopy()
	config.Architecture, config.OS = "amd64", "linux"
	image, err = mutate.ConfigFile(image, config)
	must(s.t, err)
	ref, err := name.NewTag(tag)
	must(s.t, err)
	out, in := io.Pipe()
	go func() { in.CloseWithError(tarball.Write(ref, image, in)) }()
	loaded, err := engine.ImageLoad(s.t.Context(), out)
	must(s.t, err)
	said, err := io.ReadAll(loaded)
	must(s.t, errors.Join(err, loaded.Close()))
	if !strings.Contains(string(said), "Loaded image") {
		s.t.Fatalf("the engine did not take the image: %s", said)
	}
	s.t.Cleanup(func() { removeImages(s.t, engine, tag) })
	created, err := engine.ContainerCreate(s.t.Context(), client.ContainerCreateOptions{Config: &container.Config{Image: tag, Cmd: []string{"none"}}})
	must(s.t, err)
	defer func() {
		_, err := engine.ContainerRemove(s.t.Context(), created.ID, client.ContainerRemoveOptions{Force: true})
		must(s.t, err)
	}()
	files, err := engine.ContainerExport(s.t.Context(), created.ID, client.ContainerExportOptions{})
	must(s.t, err)
	defer files.Close()
	found, err := readLayer(files)
	must(s.t, err)
	return found
}

// at is one house of the street.
func (t tree) at(number int) tree {
	found, prefix := tree{}, fmt.Sprintf("%03d/", number)
	for name, n := range t {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			found[rest] = n
		}
	}
	return found
}

// withoutAncestor leaves out the header of the directory that everything is copied to: base images give it an owner.
func withoutAncestor(headers []tar.Header) []tar.Header {
	return slices.DeleteFunc(slices.Clone(headers), func(h tar.Header) bool { return h.Name == "app/" })
}

// withRootsAncestor gives it root's.
func withRootsAncestor(headers []tar.Header) []tar.Header {
	headers = slices.Clone(headers)
	for n, h := range headers {
		if h.Name == "app/" {
			headers[n].Mode, headers[n].Uid, headers[n].Gid = 0o755, 0, 0
		}
	}
	return headers
}

// In containers, the patched images of 300 random commits hold what the fully built ones do; and where the rule that
// directories above a change keep their headers is broken, each is seen to differ.
func TestPatchOfRandomCommitsInContainers(t *testing.T) {
	engine := sandbox.Engine(t)
	p, random := newPatching(t), rand.New(rand.NewPCG(7, 16))
	release := func() {
		must(t, os.RemoveAll(p.Directory.Path))
		write(t, p.Directory.Path, "Dockerfile", plainDockerfile)
		for range 8 {
			shake(t, p.Directory.Path, random)
		}
		p.deployed = p.full()
	}
	release()
	patched, full, broken := &street{t: t}, &street{t: t}, &street{t: t}
	const commits, seen = 300, 20 // seen: how many are built wrongly
	for n := 0; n < commits; {
		shake(t, p.Directory.Path, random)
		image := p.make()
		layers := layersOf(t, image)
		if len(layers) == 3 {
			continue // this commit has changed nothing
		}
		built := p.full()
		patched.house(n, layers, nil)
		full.house(n, layersOf(t, built), nil)
		if n < seen {
			broken.house(n, layers, []func([]tar.Header) []tar.Header{withoutAncestor, withRootsAncestor}[n%2])
		}
		p.deployed = image // the next patch is of the patched one
		if n++; n%25 == 0 {
			release()
		}
	}
	want := full.inContainer(engine, "hotfix-test/full:latest")
	got := patched.inContainer(engine, "hotfix-test/patched:latest")
	wrong := broken.inContainer(engine, "hotfix-test/broken:latest")
	paths := 0
	for n := range commits {
		want, got, wrong := want.at(n), got.at(n), wrong.at(n)
		if !maps.EqualFunc(want, got, node.same) {
			t.Errorf("commit %d: in a container the patched image differs from the full one: %s", n, firstDifference(got, want))
		}
		if app := wrong["app"]; n < seen && (app.UID != 0 || want["app"].UID != 33 || want["app"].Mode != 0o2775 || maps.EqualFunc(want, wrong, node.same)) {
			t.Errorf("commit %d: the broken rule is not seen: /app is %+v and %+v", n, app, want["app"])
		}
		paths += len(want)
	}
	if paths < 10*commits {
		t.Errorf("only %d paths were compared", paths)
	}
	t.Logf("%d commits, %d paths", commits, paths)
}
