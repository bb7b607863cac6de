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
		Built: built{d.images(), d.hotfix.Commit}, Listing: d.listing}
}

// listing is what is kept beside a built image, so that the next hotfix need not read its layers.
func (d *deployment) listing(ctx context.Context, name string) (v1.Image, error) {
	image, err := d.images().Image(ctx, name, d.hotfix.Commit)
	if err != nil {
		return nil, err
	}
	return d.contents().Listing(image)
}

// listingOf is the same for a digest; no image where it was not built here.
func (d *deployment) listingOf(ctx context.Context, repository, digest string) (v1.Image, error) {
	for _, t := range d.release.targets {
		if t.Repository != repository {
			continue
		}
		image, err := d.images().Image(ctx, t.Name, d.hotfix.Commit)
		if err != nil {
			return nil, err
		}
		if built, err := image.Digest(); err != nil || built.String() != digest {
			return nil, err
		}
		return d.contents().Listing(image)
	}
	return nil, nil
}

// listings are what is kept beside a deployed image.
func (d *deployment) listings(ctx context.Context, repository string, of v1.Image) ([]v1.Image, error) {
	digest, err := of.Digest()
	if err != nil {
		return nil, err
	}
	return d.registry.Beside(ctx, repository, digest.String(), build.ListingType)
}

func (d *deployment) replace() flow.Phase {
	phase := &registry.Replace{Registry: d.registry, Version: d.hotfix.Version, Moves: d.moves, Proven: d.proven, Listing: d.listingOf,
		Sharing: d.sharing}
	if !d.spec.Replaces() {
		phase.Off = "`replace: false` in hotfix.yml"
	}
	if d.followsTags() {
		phase.Deploys, phase.Proven = true, d.tellable
	}
	return phase
}

func (d *deployment) putBack() flow.Phase {
	return &registry.PutBack{Registry: d.registry, Moves: d.moves}
}
