package registry

import (
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// holders are the repositories that hold a layer. Another one of the same registry takes it from there: it is mounted,
// not sent. A registry that does not do that asks for the layer.
type holders map[v1.Hash][]name.Repository

// add tells that all of an image is in a repository.
func (h holders) add(repository string, image v1.Image) error {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return err
	}
	for _, layer := range manifest.Layers {
		h[layer.Digest] = append(h[layer.Digest], repo)
	}
	return nil
}

// of returns another repository of the same registry that holds a layer.
func (h holders) of(layer v1.Hash, to name.Repository) (from name.Repository, ok bool) {
	for _, repo := range h[layer] {
		if repo.Registry == to.Registry && repo != to {
			return repo, true
		}
	}
	return from, false
}

// partly is an image of which only some layers are to be sent to a repository, and those not that are mounted.
type partly struct {
	v1.Image
	missing lacks
	to      name.Repository
	holders holders
}

// Layers implements v1.Image.
func (p partly) Layers() ([]v1.Layer, error) {
	layers, err := p.Image.Layers()
	if err != nil {
		return nil, err
	}
	var sent []v1.Layer
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return nil, err
		}
		if _, ok := p.missing[digest]; !ok {
			continue
		}
		if from, ok := p.holders.of(digest, p.to); ok {
			layer = &remote.MountableLayer{Layer: layer, Reference: from.Digest(digest.String())}
		}
		sent = append(sent, layer)
	}
	return sent, nil
}
