package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

const (
	baseImage  = "hotfix-sandbox/base:bookworm"
	publicBase = "debian:bookworm-slim"
)

// BaseImage returns the name of an image with a Debian userland, and sees to it: it is in the engine already, or
// can be pulled, or is made from Debian's packages.
func BaseImage(ctx context.Context, engine client.APIClient, logf Logf) (string, error) {
	return baseImage, exclusively("base", func() error {
		if there, err := hasImage(ctx, engine, baseImage); there || err != nil {
			return err
		}
		logf("base image %s: pulling %s", baseImage, publicBase)
		pullErr := pullBase(ctx, engine)
		if pullErr == nil {
			return nil
		}
		if !debianRoot() {
			return flow.Hint(fmt.Errorf("pull %s: %w", publicBase, pullErr),
				"docker tag any Debian bookworm image as "+baseImage+", or run as root on Debian to make one")
		}
		logf("%s can't be pulled (%v): making it from Debian's packages", publicBase, pullErr)
		return bootstrap(ctx, engine, logf)
	})
}

func hasImage(ctx context.Context, engine client.APIClient, name string) (bool, error) {
	_, err := engine.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

func pullBase(ctx context.Context, engine client.APIClient) error {
	response, err := engine.ImagePull(ctx, publicBase, client.ImagePullOptions{})
	if err != nil {
		return err
	}
	if err := response.Wait(ctx); err != nil {
		return err
	}
	_, err = engine.ImageTag(ctx, client.ImageTagOptions{Source: publicBase, Target: baseImage})
	return err
}

// bootstrap makes the base image with debootstrap, from where this machine gets its packages.
func bootstrap(ctx context.Context, engine client.APIClient, logf Logf) error {
	if err := install(ctx, logf, "debootstrap", "debootstrap"); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotfix-base-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	source := mirror(ctx)
	logf("debootstrap bookworm from %s (a minute or two, once)", source)
	if _, err := run(ctx, "", nil, "debootstrap", "--variant=minbase", "bookworm", dir, source); err != nil {
		return err
	}
	archives, _ := filepath.Glob(filepath.Join(dir, "var/cache/apt/archives/*.deb"))
	for _, deb := range archives {
		_ = os.Remove(deb) // only smaller
	}
	return importDirectory(ctx, engine, dir)
}

func importDirectory(ctx context.Context, engine client.APIClient, dir string) error {
	reader, writer := io.Pipe()
	defer reader.Close()
	tar := flow.Command(ctx, "tar", "--numeric-owner", "-C", dir, "-c", ".")
	tar.Stdout = writer
	go func() { writer.CloseWithError(tar.Run()) }()
	source := client.ImageImportSource{Source: reader, SourceName: "-"}
	result, err := engine.ImageImport(ctx, source, baseImage, client.ImageImportOptions{})
	if err != nil {
		return fmt.Errorf("import %s: %w", baseImage, err)
	}
	defer result.Close()
	if _, err := io.Copy(io.Discard, result); err != nil {
		return fmt.Errorf("import %s: %w", baseImage, err)
	}
	if _, err := engine.ImageInspect(ctx, baseImage); err != nil {
		return fmt.Errorf("import %s: the engine does not have it afterwards: %w", baseImage, err)
	}
	return nil
}
