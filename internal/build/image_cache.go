package build

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Cache keeps the built images, one OCI layout for each name and commit. Layers that the deployed image has are
// not written: they are in the registry, and are read from there if anyone asks.
type Cache struct {
	Dir string
	// Deployed is Images.Deployed. It may be nil: then those layers can't be read.
	Deployed func(ctx context.Context, repository string) (v1.Image, error)
}

// Annotations of the one manifest in an entry's index.
const (
	annotationRepository = "hotfix.repository"
	annotationSparse     = "hotfix.sparse" // digests of the layers that were not written
)

func (c Cache) entry(name, commit string) string {
	return filepath.Join(c.Dir, commit, url.PathEscape(name))
}

// Image returns a built image. Its error is an fs.ErrNotExist where it was not built, or not to the end, or where
// its entry is damaged.
func (c Cache) Image(ctx context.Context, name, commit string) (v1.Image, error) {
	image, err := c.open(ctx, c.entry(name, commit))
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("no image %s of %s in the cache (%v): %w", name, short(commit), err, fs.ErrNotExist)
	}
	return image, nil
}

// open reads an entry and proves every blob of it.
func (c Cache) open(ctx context.Context, dir string) (v1.Image, error) {
	text, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		return nil, err
	}
	index, err := v1.ParseIndexManifest(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	if len(index.Manifests) != 1 {
		return nil, fmt.Errorf("%s names %d images", dir, len(index.Manifests))
	}
	described := index.Manifests[0]
	image := &cached{ctx: ctx, cache: c, dir: dir, repository: described.Annotations[annotationRepository],
		sparse: strings.Split(described.Annotations[annotationSparse], ",")}
	if image.manifest, err = readBlob(dir, described.Digest); err != nil {
		return nil, err
	}
	if image.parsed, err = v1.ParseManifest(bytes.NewReader(image.manifest)); err != nil {
		return nil, err
	}
	if image.config, err = readBlob(dir, image.parsed.Config.Digest); err != nil {
		return nil, err
	}
	for _, layer := range image.parsed.Layers {
		if slices.Contains(image.sparse, layer.Digest.String()) {
			continue
		}
		if err := errors.Join(ctx.Err(), proveBlob(dir, layer.Digest)); err != nil {
			return nil, err
		}
	}
	return partial.CompressedToImage(image)
}

func blobPath(dir string, digest v1.Hash) string {
	return filepath.Join(dir, "blobs", digest.Algorithm, digest.Hex)
}

func readBlob(dir string, digest v1.Hash) ([]byte, error) {
	blob, err := os.ReadFile(blobPath(dir, digest))
	if err != nil {
		return nil, err
	}
	found, _, err := v1.SHA256(bytes.NewReader(blob))
	if err != nil || found != digest {
		return nil, errors.Join(err, fmt.Errorf("blob %s is damaged", digest))
	}
	return blob, nil
}

func proveBlob(dir string, digest v1.Hash) error {
	file, err := os.Open(blobPath(dir, digest))
	if err != nil {
		return err
	}
	defer file.Close()
	found, _, err := v1.SHA256(file)
	if err != nil || found != digest {
		return errors.Join(err, fmt.Errorf("blob %s is damaged", digest))
	}
	return nil
}

// cached is an entry as go-containerregistry's image. Its interface has no contexts, so it keeps that of Image.
type cached struct {
	ctx              context.Context
	cache            Cache
	dir, repository  string
	sparse           []string
	manifest, config []byte
	parsed           *v1.Manifest
}

// MediaType implements partial.CompressedImageCore.
func (c *cached) MediaType() (types.MediaType, error) { return c.parsed.MediaType, nil }

// RawManifest implements partial.CompressedImageCore.
func (c *cached) RawManifest() ([]byte, error) { return c.manifest, nil }

// RawConfigFile implements partial.CompressedImageCore.
func (c *cached) RawConfigFile() ([]byte, error) { return c.config, nil }

// LayerByDigest implements partial.CompressedImageCore.
func (c *cached) LayerByDigest(digest v1.Hash) (partial.CompressedLayer, error) {
	if digest == c.parsed.Config.Digest {
		return partial.CompressedLayer(&cachedLayer{c, c.parsed.Config, v1.Hash{}}), nil
	}
	var config struct {
		RootFS v1.RootFS `json:"rootfs"`
	}
	if err := json.Unmarshal(c.config, &config); err != nil {
		return nil, err
	}
	for i, layer := range c.parsed.Layers {
		if layer.Digest == digest && i < len(config.RootFS.DiffIDs) {
			return &cachedLayer{c, layer, config.RootFS.DiffIDs[i]}, nil
		}
	}
	return nil, fmt.Errorf("the image has no layer %s", digest)
}

type cachedLayer struct {
	image      *cached
	descriptor v1.Descriptor
	diffID     v1.Hash
}

func (l *cachedLayer) Digest() (v1.Hash, error)            { return l.descriptor.Digest, nil }
func (l *cachedLayer) DiffID() (v1.Hash, error)            { return l.diffID, nil }
func (l *cachedLayer) Size() (int64, error)                { return l.descriptor.Size, nil }
func (l *cachedLayer) MediaType() (types.MediaType, error) { return l.descriptor.MediaType, nil }
func (l *cachedLayer) Compressed() (io.ReadCloser, error) {
	if !slices.Contains(l.image.sparse, l.descriptor.Digest.String()) {
		return os.Open(blobPath(l.image.dir, l.descriptor.Digest))
	}
	if l.image.cache.Deployed == nil {
		return nil, fmt.Errorf("layer %s is in the registry only", l.descriptor.Digest)
	}
	deployed, err := l.image.cache.Deployed(l.image.ctx, l.image.repository)
	if err != nil {
		return nil, fmt.Errorf("read layer %s of the deployed image: %w", l.descriptor.Digest, err)
	}
	layer, err := deployed.LayerByDigest(l.descriptor.Digest)
	if err != nil {
		return nil, fmt.Errorf("read layer %s of the deployed image: %w", l.descriptor.Digest, err)
	}
	return layer.Compressed()
}
