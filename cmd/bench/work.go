package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/client"

	"hotfix/internal/build"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
	"hotfix/internal/registry"
	"hotfix/internal/sandbox"
)

// bench is a product, its deployed image, and what both do with it.
type bench struct {
	engine       client.APIClient
	dir          string
	wire         *wire
	store        *sandbox.Registry
	repository   string
	commit, base string // the hotfix's, and the deployed image's
	deployed     string // digest
	layers       int
	changes      int
	tags         []string
}

func (b *bench) repo() string { return filepath.Join(b.dir, "repo") }
func (b *bench) directory() build.Directory {
	return build.Directory{Path: filepath.Join(b.dir, "build")}
}

func (b *bench) git(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "gc.auto=0"}, args...)
	out, err := gitflow.Git{}.Run(ctx, b.repo(), args...)
	return strings.TrimSpace(out), err
}

// prepare writes the tree, commits it, and deploys the image of it: built and pushed by docker.
func (b *bench) prepare(ctx context.Context, files int, size int64) error {
	from, err := sandbox.BaseImage(ctx, b.engine, logf)
	if err != nil {
		return err
	}
	logf("writing %d files", files)
	if err := tree(b.repo(), files, size); err != nil {
		return err
	}
	dockerfile := "FROM " + from + "\nWORKDIR /srv\nCOPY . /app\nCMD [\"true\"]\n"
	if err := os.WriteFile(filepath.Join(b.repo(), "Dockerfile"), []byte(dockerfile), 0o644); err != nil {
		return err
	}
	remote := filepath.Join(b.dir, "remote.git")
	for _, args := range [][]string{{"init", "-q", "-b", "master"}, {"add", "-A"}, {"commit", "-q", "-m", "tree"}, {"repack", "-adq"},
		{"init", "-q", "--bare", remote}, {"remote", "add", "origin", remote}, {"push", "-q", "origin", "master"}} {
		if _, err := b.git(ctx, args...); err != nil {
			return err
		}
	}
	if err := b.sync(ctx); err != nil {
		return err
	}
	b.base = b.commit
	logf("deploying the first image")
	if err := b.docker(b.buildkit)(ctx); err != nil {
		return err
	}
	hub := registry.New()
	if b.deployed, err = hub.Digest(ctx, b.repository+":"+b.commit[:7]); err != nil {
		return err
	}
	return hub.Tag(ctx, b.repository, b.deployed, "first")
}

// tree writes text that compresses about as code does.
func tree(root string, files int, size int64) error {
	random, words := rand.New(rand.NewPCG(1, 2)), make([]string, 4000)
	for i := range words {
		words[i] = fmt.Sprintf("%x", random.Uint64()>>(random.IntN(40)))
	}
	for n := range files {
		dir := filepath.Join(root, fmt.Sprintf("src/%02d/%02d", n%40, n/40%25))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		var text bytes.Buffer
		for int64(text.Len()) < size/int64(files) {
			text.WriteString(words[random.IntN(len(words))] + " ")
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("file%d.php", n)), text.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// change is one more hotfix: a line in each of three files, pushed and synced.
func (b *bench) change(ctx context.Context) error {
	b.changes++
	for n := range 3 {
		path := filepath.Join(b.repo(), fmt.Sprintf("src/%02d/00/file%d.php", n, n))
		file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(file, "// change %d\n", b.changes)
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
	}
	for _, args := range [][]string{{"commit", "-q", "-a", "-m", "change"}, {"push", "-q", "origin", "master"}} {
		if _, err := b.git(ctx, args...); err != nil {
			return err
		}
	}
	return b.sync(ctx)
}

func (b *bench) sync(ctx context.Context) (err error) {
	if b.commit, err = b.git(ctx, "rev-parse", "HEAD"); err != nil {
		return err
	}
	return do(ctx, &build.Sync{Git: gitflow.Git{}, Repository: b.repo(), Remote: "origin", Commit: b.commit, Directory: b.directory()})
}

// hotfix makes the image and pushes it, as its phases do.
func (b *bench) hotfix(ctx context.Context) error {
	hub := registry.New()
	deployed := func(ctx context.Context, repository string) (v1.Image, error) {
		return hub.Image(ctx, repository+"@"+b.deployed)
	}
	repo, err := gitflow.Git{}.Open(ctx, b.repo())
	if err != nil {
		return err
	}
	cache := build.Cache{Dir: filepath.Join(b.dir, "images"), Deployed: deployed}
	images := build.Images{Directory: b.directory(), Tag: b.commit[:7], Commit: b.commit, Version: "1", Created: time.Now(), Engine: b.engine,
		Cache: cache, Deployed: deployed, Baseline: func(context.Context) (string, error) { return b.base, nil }, History: repo,
		Contents: b.contents(), Listings: listings(hub),
		Specs: []build.ImageSpec{{Name: "php", Repository: b.repository, Dockerfile: "Dockerfile"}}}
	if err := do(ctx, images); err != nil {
		return err
	}
	return do(ctx, &registry.Push{Registry: hub, Targets: []registry.Target{{Name: "php", Repository: b.repository, Tag: b.commit[:7]}},
		Built: built{cache, b.commit}, Accept: func(context.Context, v1.Image) error { return nil },
		Listing: func(ctx context.Context, name string) (v1.Image, error) {
			image, err := cache.Image(ctx, name, b.commit)
			if err != nil {
				return nil, err
			}
			return b.contents().Listing(image)
		}})
}

func (b *bench) contents() build.Contents { return build.Contents{Dir: filepath.Join(b.dir, "layers")} }

// listings are what is kept beside an image.
func listings(hub *registry.Registry) func(context.Context, string, v1.Image) ([]v1.Image, error) {
	return func(ctx context.Context, repository string, of v1.Image) ([]v1.Image, error) {
		digest, err := of.Digest()
		if err != nil {
			return nil, err
		}
		return hub.Beside(ctx, repository, digest.String(), build.ListingType)
	}
}

// keep deploys what hotfix has pushed, so that the next hotfix is of a patched image, and does what replace does: its
// listing stays beside it.
func (b *bench) keep(ctx context.Context) (err error) {
	hub := registry.New()
	if b.deployed, err = hub.Digest(ctx, b.repository+":"+b.commit[:7]); err != nil {
		return err
	}
	image, err := hub.Image(ctx, b.repository+"@"+b.deployed)
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	b.base, b.layers = b.commit, len(layers)
	listing, err := b.contents().Listing(image)
	if err != nil || listing == nil {
		return errors.Join(err, errors.New("there is no listing"))
	}
	return hub.KeepBeside(ctx, b.repository, listing)
}

type built struct {
	cache  build.Cache
	commit string
}

func (b built) Image(ctx context.Context, name string) (v1.Image, error) {
	return b.cache.Image(ctx, name, b.commit)
}

// do plans a phase and does it.
func do(ctx context.Context, phase flow.Phase) error {
	actions, err := phase.Plan(ctx)
	if err != nil {
		return err
	}
	for _, action := range actions {
		if strings.HasPrefix(action.What, "build ") {
			return fmt.Errorf("this is no patch: %s", strings.Join(action.Details, ", "))
		}
		if err := action.Do(ctx, flow.Silent{}); err != nil {
			return err
		}
	}
	return nil
}
