package main

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/build"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
)

// built gives push the images of this commit.
type built struct {
	cache  build.Cache
	commit string
}

func (b built) Image(ctx context.Context, name string) (v1.Image, error) {
	return b.cache.Image(ctx, name, b.commit)
}

func (d *deployment) push() flow.Phase {
	return &registry.Push{Registry: d.registry, Targets: d.release.targets, Accept: d.release.accept,
		Built: built{d.images(), d.hotfix.Commit}}
}

func (d *deployment) replace() flow.Phase {
	phase := &registry.Replace{Registry: d.registry, Version: d.hotfix.Version, Moves: d.moves, Proven: d.proven}
	if !d.spec.Replaces() {
		phase.Off = "`replace: false` in hotfix.yml"
	}
	return phase
}

func (d *deployment) putBack() flow.Phase {
	return &registry.PutBack{Registry: d.registry, Moves: d.moves}
}
