package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/moby/moby/client"
	"github.com/tonistiigi/fsutil"

	"hotfix/internal/flow"
)

// The law: planning changes nothing; after doing it there is nothing to do.
func TestImagesHoldTheLaw(t *testing.T) {
	i := newImages(t)
	before := listing(t, filepath.Dir(i.Cache.Dir))
	actions, err := i.Plan(t.Context())
	if err != nil || len(actions) != 1 || actions[0].What != "build registry.example.com/acme/php:git-commit-9c1e04b from .stack.php.Dockerfile" {
		t.Fatalf("planned %v, %v", actions, err)
	}
	if _, err := i.Engine.ImageInspect(t.Context(), localTag("php", commit)); err == nil || !slices.Equal(before, listing(t, filepath.Dir(i.Cache.Dir))) {
		t.Error("planning changed something")
	}
	report := &told{}
	start := time.Now()
	if err := act(t, i, report); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	t.Logf("built in %.1f s\n%s", time.Since(start).Seconds(), report)
	image := cachedImage(t, i)
	if err := validate.Image(image); err != nil {
		t.Error(err)
	}
	if report.facts["image registry.example.com/acme/php"] != imageDigest(t, image) {
		t.Errorf("the facts are %v", report.facts)
	}
	if why, ok := flow.NothingToDo(second(i.Plan(t.Context()))); !ok || why != "the images of 9c1e04b are in the cache" {
		t.Errorf("planned again: %q", why)
	}
	containers, err := i.Engine.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: make(client.Filters).Add("label", smokeLabel)})
	if err != nil || len(containers.Items) > 0 {
		t.Errorf("containers left: %v, %v", containers.Items, err)
	}
}

func TestImageContent(t *testing.T) {
	i := newImages(t)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	image := cachedImage(t, i)
	found := filesOf(t, image)
	for name, want := range map[string]bool{"tool": true, "app/index.php": true, "app/lib": true, "app/.stack.php.Dockerfile": true,
		"app/README.md": false, "app/config/secrets.php": false, "app/.git": false, "app/lib/.git": false} {
		if n, ok := found[name]; ok != want || ok && (n.UID != 0 || n.GID != 0) {
			t.Errorf("%s is in the image: %v, %v", name, ok, n)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := i.Directory.Stamp()
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{LabelRevision: commit, LabelVersion: "16.03.1b", LabelCreated: "2026-03-01T12:00:00Z",
		LabelSource: "https://git.example.com/acme.git", LabelContent: stamp.Content} {
		if got := config.Config.Labels[label]; got != want {
			t.Errorf("label %s is %q, not %q", label, got, want)
		}
	}
	if !config.Created.Equal(committed) || !slices.Contains(config.Config.Env, "STAGE=live") || !slices.Equal(config.Config.Entrypoint, []string{"/tool"}) {
		t.Errorf("its configuration: %+v", config)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range layers {
		if young, err := younger(layer, committed); err != nil || young {
			t.Errorf("a layer holds something younger than the commit: %v, %v", young, err)
		}
	}
}

// The same content gives the same digest: from another copy, later, without BuildKit's cache.
func TestImageDigestIsOfTheContent(t *testing.T) {
	i := newImages(t)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	other := newImages(t)
	spec, stamp, temporary := other.Specs[0], valueOf(other.Directory.Stamp()), t.TempDir()
	tree, err := other.context(t.Context(), spec, filepath.Join(temporary, "context"))
	if err != nil {
		t.Fatal(err)
	}
	dockerfile, err := other.dockerfile(spec, filepath.Join(temporary, "dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	options := other.options(spec, stamp.Content, &told{})
	options.LocalMounts = map[string]fsutil.FS{"context": tree, "dockerfile": dockerfile}
	options.FrontendAttrs["no-cache"] = ""
	if err := solve(t.Context(), other.Engine, &told{}, options); err != nil {
		t.Fatal(err)
	}
	draft, err := other.Cache.draft("php", commit)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := other.export(t.Context(), localTag("php", commit), spec, draft, &told{})
	if err != nil || digest.String() != imageDigest(t, cachedImage(t, i)) {
		t.Errorf("%s became %s, %v", imageDigest(t, cachedImage(t, i)), digest, err)
	}
}

// Layers that the deployed image has are taken from it, and not written.
func TestImageTakesDeployedLayers(t *testing.T) {
	i := newImages(t)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	deployed := cachedImage(t, i)
	i.Deployed = func(context.Context, string) (v1.Image, error) { return deployed, nil }
	i.Commit = strings.Repeat("b", 40)
	t.Cleanup(func() { removeImages(t, i.Engine, localTag("php", i.Commit)) })
	write(t, i.Directory.Path, "index.php", "<?php // 2\n")
	stampAs(t, i)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	image := cachedImage(t, i)
	before, after := manifestOf(t, deployed), manifestOf(t, image)
	if before.Layers[0].Digest != after.Layers[0].Digest || before.Layers[1].Digest == after.Layers[1].Digest {
		t.Errorf("the layers were\n%v and are\n%v", before.Layers, after.Layers)
	}
	if _, err := os.Stat(blobPath(i.Cache.entry("php", i.Commit), after.Layers[0].Digest)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the deployed layer was written: %v", err)
	}
	if err := validate.Image(image); err == nil {
		t.Error("a layer that is nowhere could be read")
	}
	i.Cache.Deployed = i.Deployed
	if err := validate.Image(cachedImage(t, i)); err != nil {
		t.Error(err)
	}
	i.Deployed = func(context.Context, string) (v1.Image, error) { return nil, fs.ErrNotExist }
	if err := os.RemoveAll(i.Cache.entry("php", i.Commit)); err != nil {
		t.Fatal(err)
	}
	if err := act(t, i, &told{}); err != nil {
		t.Errorf("with no deployed image: %v", err)
	}
}

// rsync's rules are applied by rsync: the first that matches wins.
func TestImageFilter(t *testing.T) {
	i := newImages(t)
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: there is no rsync")
	}
	i.Specs[0].Ignore, i.Specs[0].Filter = "", ".stack.php.filter.rules"
	write(t, i.Directory.Path, ".stack.php.filter.rules", "+ /tool\n+ /config/***\n- *.md\n+ *.php\n+ */\n- *\n")
	i.resync(t)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	found := filesOf(t, cachedImage(t, i))
	for name, want := range map[string]bool{"app/index.php": true, "app/tool": true, "app/README.md": false, "app/config/secrets.php": false,
		"app/.stack.php.filter.rules": false, "app/lib/.git": false, "app/config": true} {
		if _, ok := found[name]; ok != want {
			t.Errorf("%s is in the image: %v", name, ok)
		}
	}
	t.Setenv("PATH", t.TempDir())
	checks := i.Checks()
	if _, err := checks[len(checks)-1].Do(t.Context()); err == nil || !strings.Contains(err.Error(), "rsync is not installed") {
		t.Errorf("without rsync: %v", err)
	}
}

func TestImagesPlan(t *testing.T) {
	if why, ok := flow.NothingToDo(second(Images{}.Plan(t.Context()))); !ok || why != "no `images` in hotfix.yml" {
		t.Errorf("without images: %q", why)
	}
	i := Images{Specs: []ImageSpec{{Name: "php"}}, Published: there("in the registry"), Directory: Directory{Path: t.TempDir()}}
	if why, _ := flow.NothingToDo(second(i.Plan(t.Context()))); why != "in the registry" {
		t.Errorf("published: %q", why)
	}
	i.Published = nil
	if actions, err := i.Plan(t.Context()); err != nil || len(actions) != 1 {
		t.Errorf("before sync: %v, %v", actions, err)
	}
}

func manifestOf(t *testing.T, image v1.Image) *v1.Manifest {
	t.Helper()
	manifest, err := image.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	return manifest
}

func stampAs(t *testing.T, i *Images) {
	t.Helper()
	i.resync(t)
	path := filepath.Join(i.Directory.Path, ".git/hotfix/stamp.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, i.Directory.Path, ".git/hotfix/stamp.json", strings.Replace(string(text), commit, i.Commit, 1))
}

func valueOf[T any](value T, _ error) T { return value }
