package build

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A listing tells what an image's layers hold, kept beside the image in the registry: whoever patches it next, on
// whatever machine, reads that instead of the layers. Its configuration is an index, which names the text of each
// layer by digest; the image's label names the index. So it is trusted as far as the image is.
//
// The layers are told apart, because a hotfix changes one: the texts of the others are in the registry already.

// ListingType is the artifact type of a listing.
const ListingType = "application/vnd.hotfix.listing.v1+json"

// LabelListing is the digest of an image's listing's index.
const LabelListing = "hotfix.listing"

const listedType types.MediaType = "application/vnd.hotfix.listing.layer.v1.mtree+gzip"

// index is the listing's configuration.
type index struct {
	Layers []listed `json:"layers"`
}

// listed is one layer of the image, by its diff id, and the digest of the text that tells what it holds.
type listed struct {
	Layer   v1.Hash `json:"layer"`
	Listing v1.Hash `json:"listing"`
}

// indexOf is the index of layers, and their texts; an error where one of them was not read on this machine.
func (c Contents) indexOf(ids []v1.Hash) (text []byte, digest v1.Hash, texts []v1.Layer, err error) {
	var all index
	for _, id := range ids {
		text := c.listing(id)
		if text == nil {
			return nil, digest, nil, fmt.Errorf("what layer %s holds is not known here", id)
		}
		layer := static.NewLayer(text, listedType)
		digest, err := layer.Digest()
		if err != nil {
			return nil, digest, nil, err
		}
		all.Layers, texts = append(all.Layers, listed{id, digest}), append(texts, layer)
	}
	if text, err = json.Marshal(all); err != nil {
		return nil, digest, nil, err
	}
	digest, _, err = v1.SHA256(bytes.NewReader(text))
	return text, digest, texts, err
}

// Listing returns what is to be kept beside an image; nil where this machine does not know it.
func (c Contents) Listing(image v1.Image) (v1.Image, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	text, digest, texts, err := c.indexOf(config.RootFS.DiffIDs)
	if err != nil || config.Config.Labels[LabelListing] != digest.String() {
		return nil, nil
	}
	subject, err := partial.Descriptor(image)
	if err != nil {
		return nil, err
	}
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ListingType,
		Config:  v1.Descriptor{MediaType: ListingType, Digest: digest, Size: int64(len(text))},
		Subject: &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}}
	kept := &artifact{index: text, texts: map[v1.Hash]v1.Layer{}}
	for n, one := range texts {
		described, err := partial.Descriptor(one)
		if err != nil {
			return nil, err
		}
		if _, ok := kept.texts[described.Digest]; ok {
			continue
		}
		described.Annotations = map[string]string{"hotfix.layer": config.RootFS.DiffIDs[n].String()}
		manifest.Layers = append(manifest.Layers, *described)
		kept.texts[described.Digest] = one
	}
	if kept.manifest, err = json.Marshal(manifest); err != nil {
		return nil, err
	}
	return partial.CompressedToImage(kept)
}

// artifact is a listing as go-containerregistry's image.
type artifact struct {
	index, manifest []byte
	texts           map[v1.Hash]v1.Layer
}

// MediaType implements partial.CompressedImageCore.
func (l *artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// RawManifest implements partial.CompressedImageCore.
func (l *artifact) RawManifest() ([]byte, error) { return l.manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (l *artifact) RawConfigFile() ([]byte, error) { return l.index, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (l *artifact) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	if text, ok := l.texts[digest]; ok {
		return text, nil
	}
	return nil, errors.New("the listing has no layer " + digest.String())
}
