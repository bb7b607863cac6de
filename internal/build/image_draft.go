package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A draft is an entry of the cache that is being written, beside its place.
type draft struct {
	dir, place string
	layers     []v1.Descriptor
	sparse     []string
}

// draft begins an entry. What a killed run left of it goes first.
func (c Cache) draft(name, commit string) (*draft, error) {
	place := c.entry(name, commit)
	d := &draft{dir: place + ".draft", place: place}
	if err := os.RemoveAll(d.dir); err != nil {
		return nil, fmt.Errorf("empty the cache's draft: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(d.dir, "blobs", "sha256"), 0o755); err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	return d, nil
}

// take adds a layer that the deployed image has.
func (d *draft) take(layer v1.Descriptor) {
	d.layers = append(d.layers, layer)
	d.sparse = append(d.sparse, layer.Digest.String())
}

// add adds a layer that is in the draft's blobs.
func (d *draft) add(digest v1.Hash, size int64) {
	d.layers = append(d.layers, v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size})
}

// finish writes configuration, manifest and index, and returns the image's digest.
func (d *draft) finish(config *v1.ConfigFile, repository string) (v1.Hash, error) {
	configured, err := d.write(config)
	if err != nil {
		return v1.Hash{}, err
	}
	configured.MediaType = types.OCIConfigJSON
	described, err := d.write(v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: configured, Layers: d.layers})
	if err != nil {
		return v1.Hash{}, err
	}
	described.MediaType = types.OCIManifestSchema1
	described.Annotations = map[string]string{annotationRepository: repository, annotationSparse: strings.Join(d.sparse, ",")}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Manifests: []v1.Descriptor{described}})
	if err != nil {
		return v1.Hash{}, err
	}
	if err := os.WriteFile(filepath.Join(d.dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644); err != nil {
		return v1.Hash{}, err
	}
	return described.Digest, os.WriteFile(filepath.Join(d.dir, "index.json"), index, 0o644)
}

func (d *draft) write(value any) (v1.Descriptor, error) {
	blob, err := json.Marshal(value)
	if err != nil {
		return v1.Descriptor{}, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(blob))
	if err != nil {
		return v1.Descriptor{}, err
	}
	return v1.Descriptor{Digest: digest, Size: size}, os.WriteFile(blobPath(d.dir, digest), blob, 0o644)
}

// keep puts the finished entry in its place.
func (d *draft) keep() error {
	if err := os.RemoveAll(d.place); err != nil {
		return fmt.Errorf("replace the image in the cache: %w", err)
	}
	if err := os.Rename(d.dir, d.place); err != nil {
		return fmt.Errorf("keep the image in the cache: %w", err)
	}
	return nil
}

func (d *draft) discard() { _ = os.RemoveAll(d.dir) }
