package main

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	moby "github.com/moby/moby/client"

	"hotfix/internal/registry"
)

// pulls measures what the host does. Its engine is this one, which has built all the others: so the full images are
// made here without it, of layers with times that it has never seen.
func (b *bench) pulls(ctx context.Context) (all []row, err error) {
	if b.deployed, err = b.full(ctx, time.Unix(1e9, 0)); err != nil {
		return nil, err
	}
	b.base = b.commit
	if err := b.pull(ctx, b.deployed); err != nil {
		return nil, err
	}
	if err := b.change(ctx); err != nil {
		return nil, err
	}
	whole, err := b.full(ctx, time.Unix(2e9, 0))
	if err != nil {
		return nil, err
	}
	if err := b.hotfix(ctx); err != nil {
		return nil, err
	}
	patched, err := registry.New().Digest(ctx, b.repository+":"+b.commit[:7])
	if err != nil {
		return nil, err
	}
	all, err = b.measure(ctx, nil, step{"docker pull of a full image", func(ctx context.Context) error { return b.pull(ctx, whole) }})
	if err != nil {
		return nil, err
	}
	return b.measure(ctx, all, step{"docker pull of a patched one", func(ctx context.Context) error { return b.pull(ctx, patched) }})
}

// full pushes the deployed image with its last layer made anew of the directory.
func (b *bench) full(ctx context.Context, at time.Time) (digest string, err error) {
	hub := registry.New()
	image, err := hub.Image(ctx, b.repository+":first")
	if err != nil {
		return "", err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	layers, err := image.Layers()
	if err != nil {
		return "", err
	}
	last, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		out, in := io.Pipe()
		go func() { in.CloseWithError(b.archive(in, at)) }()
		return out, nil
	})
	if err != nil {
		return "", err
	}
	made, err := mutate.AppendLayers(empty.Image, append(layers[:len(layers)-1], last)...)
	if err != nil {
		return "", err
	}
	diffID, err := last.DiffID()
	if err != nil {
		return "", err
	}
	config = config.DeepCopy()
	config.RootFS.DiffIDs[len(layers)-1] = diffID
	if made, err = mutate.ConfigFile(made, config); err != nil {
		return "", err
	}
	pushed := "full-" + diffID.Hex[:12]
	err = do(ctx, &registry.Push{Registry: hub, Targets: []registry.Target{{Name: "php", Repository: b.repository, Tag: pushed}},
		Built: one{made}, Accept: func(context.Context, v1.Image) error { return nil }})
	if err != nil {
		return "", err
	}
	return hub.Digest(ctx, b.repository+":"+pushed)
}

// one is an image of any name.
type one struct{ image v1.Image }

// Image implements registry.Built.
func (o one) Image(context.Context, string) (v1.Image, error) { return o.image, nil }

// archive writes what COPY would.
func (b *bench) archive(to io.Writer, at time.Time) error {
	out, root := tar.NewWriter(to), b.directory().Path
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Name() == ".git" {
			return fs.SkipDir
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		header := &tar.Header{Typeflag: tar.TypeReg, Name: "app" + path[len(root):], Mode: int64(info.Mode().Perm()), Size: info.Size(), ModTime: at}
		if entry.IsDir() {
			header.Typeflag, header.Name, header.Size = tar.TypeDir, header.Name+"/", 0
		}
		if err := out.WriteHeader(header); err != nil || entry.IsDir() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		_, err = io.Copy(out, file)
		return err
	})
	return errors.Join(err, out.Close())
}

// pull has the engine fetch an image.
func (b *bench) pull(ctx context.Context, digest string) error {
	auth, err := b.auth()
	if err != nil {
		return err
	}
	ref, err := name.NewDigest(b.repository + "@" + digest)
	if err != nil {
		return err
	}
	b.tags = append(b.tags, ref.String())
	pulled, err := b.engine.ImagePull(ctx, ref.String(), moby.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return err
	}
	return errors.Join(pulled.Wait(ctx), pulled.Close())
}
