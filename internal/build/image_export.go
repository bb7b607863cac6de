package build

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"hotfix/internal/flow"
)

// export takes the built image out of the engine into a draft: an image whose digest is known, in which nothing
// is younger than the commit. Layers that the deployed image has are taken from it.
func (i Images) export(ctx context.Context, id string, spec ImageSpec, draft *draft, report flow.Report) (v1.Hash, error) {
	saved, err := i.save(ctx, id, draft.dir, report)
	if err != nil {
		return v1.Hash{}, err
	}
	defer os.Remove(saved)
	image, err := tarball.ImageFromPath(saved, nil)
	if err != nil {
		return v1.Hash{}, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return v1.Hash{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return v1.Hash{}, err
	}
	known := descriptors(i.deployed(ctx, spec.Repository, report))
	for n, layer := range layers {
		if err := ctx.Err(); err != nil {
			return v1.Hash{}, err
		}
		if described, ok := known[config.RootFS.DiffIDs[n]]; ok {
			if i.Contents.Dir != "" { // for its listing
				if _, err := i.Contents.layer(layer); err != nil {
					return v1.Hash{}, err
				}
			}
			draft.take(described)
			continue
		}
		diffID, digest, size, err := i.write(layer, draft)
		if err != nil {
			return v1.Hash{}, err
		}
		config.RootFS.DiffIDs[n] = diffID
		if err := i.Contents.keepPacked(diffID, blobPath(draft.dir, digest)); err != nil {
			return v1.Hash{}, err
		}
		if described, ok := known[diffID]; ok {
			draft.take(described)
			err = os.Remove(blobPath(draft.dir, digest))
		} else {
			draft.add(digest, size)
		}
		if err != nil {
			return v1.Hash{}, err
		}
	}
	if _, listing, _, err := i.Contents.indexOf(config.RootFS.DiffIDs); err == nil {
		config.Config.Labels[LabelListing] = listing.String() // solve has made labels
	}
	return draft.finish(dated(config, i.Created), spec.Repository)
}

// save writes the image as the engine has it into a file. The engine does not say how much there is to come.
func (i Images) save(ctx context.Context, id, dir string, report flow.Report) (string, error) {
	stream, err := i.Engine.ImageSave(ctx, []string{id})
	if err != nil {
		return "", err
	}
	defer stream.Close()
	file, err := os.Create(filepath.Join(dir, "saved.tar"))
	if err != nil {
		return "", err
	}
	_, err = io.Copy(io.MultiWriter(file, &progress{report: report}), stream)
	return file.Name(), errors.Join(err, file.Close(), ctx.Err()) // cut off, the stream has words of its own
}

// write compresses a layer into the draft's blobs. The same content gives the same bytes: gzip's header is empty.
func (i Images) write(layer v1.Layer, draft *draft) (diffID, digest v1.Hash, size int64, err error) {
	young, err := younger(layer, i.Created)
	if err != nil {
		return diffID, digest, 0, err
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return diffID, digest, 0, err
	}
	defer content.Close()
	file, err := os.CreateTemp(filepath.Join(draft.dir, "blobs"), "layer-")
	if err != nil {
		return diffID, digest, 0, err
	}
	defer file.Close()
	plain, packed := sha256.New(), sha256.New()
	compress, err := gzip.NewWriterLevel(io.MultiWriter(file, packed), gzip.BestSpeed)
	if err != nil {
		return diffID, digest, 0, err
	}
	to := io.MultiWriter(compress, plain)
	if young {
		err = clamp(to, content, i.Created)
	} else {
		_, err = io.Copy(to, content)
	}
	if err := errors.Join(err, compress.Close()); err != nil {
		return diffID, digest, 0, fmt.Errorf("write a layer: %w", err)
	}
	if size, err = file.Seek(0, io.SeekCurrent); err != nil {
		return diffID, digest, 0, err
	}
	diffID = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(plain.Sum(nil))}
	digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(packed.Sum(nil))}
	return diffID, digest, size, errors.Join(file.Close(), os.Chmod(file.Name(), 0o644), os.Rename(file.Name(), blobPath(draft.dir, digest)))
}

// descriptors are the deployed image's layers by their content; none where there is no such image.
func descriptors(deployed v1.Image) map[v1.Hash]v1.Descriptor {
	if deployed == nil {
		return nil
	}
	manifest, err := deployed.Manifest()
	if err != nil {
		return nil
	}
	config, err := deployed.ConfigFile()
	if err != nil || len(config.RootFS.DiffIDs) != len(manifest.Layers) {
		return nil
	}
	known := map[v1.Hash]v1.Descriptor{}
	for n, layer := range manifest.Layers {
		media := types.OCILayer
		switch layer.MediaType {
		case types.DockerLayer, types.OCILayer:
		case types.OCILayerZStd:
			media = types.OCILayerZStd
		default:
			continue // neither can be said in an OCI manifest without reading it
		}
		known[config.RootFS.DiffIDs[n]] = v1.Descriptor{MediaType: media, Digest: layer.Digest, Size: layer.Size}
	}
	return known
}

// dated makes nothing in the configuration younger than the commit, and drops what only names this engine.
func dated(config *v1.ConfigFile, created time.Time) *v1.ConfigFile {
	kept := &v1.ConfigFile{Architecture: config.Architecture, OS: config.OS, OSVersion: config.OSVersion,
		OSFeatures: config.OSFeatures, Variant: config.Variant, Author: config.Author,
		Created: v1.Time{Time: created.UTC()}, Config: config.Config, History: config.History, RootFS: config.RootFS}
	kept.Config.Image, kept.Config.Hostname = "", ""
	for n := range kept.History {
		if kept.History[n].Created.After(created) {
			kept.History[n].Created = kept.Created
		}
	}
	return kept
}

// progress tells how many bytes have gone by.
type progress struct {
	report flow.Report
	done   int64
	told   time.Time
}

// Write implements io.Writer.
func (p *progress) Write(b []byte) (int, error) {
	p.done += int64(len(b))
	if time.Since(p.told) > 200*time.Millisecond {
		p.told = time.Now()
		p.report.Progress("taking it out of the engine", p.done, 0)
	}
	return len(b), nil
}
