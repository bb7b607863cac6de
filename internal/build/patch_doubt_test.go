package build

import (
	"context"
	"os"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What stands in the way of a patch is said, and the image is built in full.
func TestPatchInDoubt(t *testing.T) {
	p := newPatching(t)
	sound := p.deployed
	for name, c := range map[string]struct {
		change func()
		want   string
	}{
		"RUN":     {func() { p.dockerfile("FROM base\nCOPY . /app\nRUN composer install\n") }, "RUN at line 3, which does more than copy"},
		"stages":  {func() { p.dockerfile("FROM a AS one\nFROM b\nCOPY --from=one /x /y\n") }, "FROM at line 2"},
		"--chown": {func() { p.dockerfile("FROM a\nCOPY --chown=33 . /app\n") }, "COPY at line 2, which does more than copy from the directory"},
		"a URL":   {func() { p.dockerfile("FROM a\nADD https://example.com/x.tar.gz /app/\n") }, "ADD at line 2, which may unpack or download"},
		"a Dockerfile that has changed": {func() {
			write(t, p.Directory.Path, "Dockerfile", plainDockerfile+"ENV B=c\n")
		}, "Dockerfile has changed since aaaaaaa"},
		"a new ignore file": {func() { write(t, p.Directory.Path, ".dockerignore", "*.md\n") }, ".dockerignore has changed since aaaaaaa"},
		"other instructions": {func() { p.dockerfile("FROM base\nWORKDIR /srv\nUSER 33\nCOPY . /app\nCMD [\"run\"]\n") },
			`the deployed image was made by other instructions than the Dockerfile's: "ENV A=b", not USER`},
		"an image from a patched one": {func() {
			write(t, p.Directory.Path, "new", "")
			p.deployed = p.make()
			config := p.config(p.deployed)
			config.Config.Labels[LabelPatch] = "sha256:" + strings.Repeat("0", 64)
			p.deployed = p.reconfigured(p.deployed, config)
		}, "made from a patched one"},
		"no image":  {func() { p.Deployed = func(context.Context, string) (v1.Image, error) { return nil, os.ErrNotExist } }, "can't be read"},
		"--full":    {func() { p.Full = true }, "--full"},
		"a link":    {func() { p.deployed = p.linked() }, "/app is no directory in the base image"},
		"nothing":   {func() { p.Deployed = nil }, "nothing is deployed"},
		"too deep":  {func() { p.deployed = p.deep() }, "has 125 layers"},
		"no record": {func() { p.deployed = p.image(layersOf(t, sound), nil) }, "does not tell how it was made"},
	} {
		t.Run(name, func(t *testing.T) {
			p = newPatching(t)
			sound = p.deployed
			c.change()
			if _, err := p.patched(t.Context(), p.spec, t.TempDir()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, not %s", err, c.want)
			}
		})
	}
}

// dockerfile changes the Dockerfile, as if it had always been so.
func (p *patching) dockerfile(text string) {
	write(p.t, p.Directory.Path, "Dockerfile", text)
	p.History = past{"Dockerfile": text}
}

func (p *patching) linked() v1.Image {
	layers := layersOf(p.t, p.deployed)
	base := layerOf(p.t, link("app", "/srv/app"))
	return p.image([]v1.Layer{base, layers[1], layers[2]}, p.config(p.deployed).History)
}

func (p *patching) deep() v1.Image {
	layers, history := layersOf(p.t, p.deployed), p.config(p.deployed).History
	for len(layers) < maxLayers {
		layers = append([]v1.Layer{layerOf(p.t, dir("etc"))}, layers...)
		history = append([]v1.History{{CreatedBy: "RUN true"}}, history...)
	}
	return p.image(layers, history)
}
