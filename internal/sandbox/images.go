package sandbox

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/moby/client"
)

const (
	servicesImage = "hotfix-sandbox/services:bookworm"
	registryImage = "hotfix-sandbox/registry:bookworm"
	recipeLabel   = "hotfix.sandbox.recipe"
)

//go:embed images
var recipe embed.FS

// Images sees to the sandbox's images: those that the product is made of, php-base, nginx-base and mariadb, and the
// registry. They are made once, from Debian's packages, and again when their recipe has changed.
func Images(ctx context.Context, engine client.APIClient, logf Logf) error {
	if _, err := BaseImage(ctx, engine, logf); err != nil {
		return err
	}
	return exclusively("images", func() error {
		dir, err := os.MkdirTemp("", "hotfix-images-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		digest, err := unpackRecipe(dir)
		if err != nil {
			return err
		}
		for _, target := range []string{"services", "php-base", "nginx-base", "mariadb", "registry"} {
			image := "hotfix-sandbox/" + target + ":bookworm"
			old, err := engine.ImageInspect(ctx, image)
			if err == nil && old.Config.Labels[recipeLabel] == digest {
				continue
			}
			logf("making %s from Debian's packages (once, up to a minute)", image)
			if target == "registry" {
				err = seedRegistry(ctx, engine, digest)
			} else {
				err = buildImage(ctx, engine, dir, client.ImageBuildOptions{Dockerfile: "Dockerfile", Target: target,
					Tags: []string{image}, Labels: map[string]string{recipeLabel: digest}})
			}
			if err != nil {
				return err
			}
			if old.ID != "" { // an untagged leftover; where something still uses it, it stays
				_, _ = engine.ImageRemove(ctx, old.ID, client.ImageRemoveOptions{PruneChildren: true})
			}
		}
		return nil
	})
}

// seedRegistry makes the image of a registry that holds the product's base images already, as a private registry
// with a past does: pushing a release then moves what is the product's own.
func seedRegistry(ctx context.Context, engine client.APIClient, digest string) error {
	dir, err := os.MkdirTemp("", "hotfix-registry-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, err := startRegistry(ctx, engine, servicesImage, id(), dir, nil)
	if err != nil {
		return err
	}
	defer r.Close(context.WithoutCancel(ctx))
	auth, err := r.Auth()
	if err != nil {
		return err
	}
	for _, name := range []string{"php", "nginx"} {
		image := r.Host + "/acme/acme-web-src-" + name + ":base"
		tag := client.ImageTagOptions{Source: "hotfix-sandbox/" + name + "-base:bookworm", Target: image}
		if _, err := engine.ImageTag(ctx, tag); err != nil {
			return err
		}
		err := push(ctx, engine, image, auth)
		_, removed := engine.ImageRemove(ctx, image, client.ImageRemoveOptions{})
		if err := errors.Join(err, removed); err != nil {
			return err
		}
	}
	_, err = engine.ContainerCommit(ctx, r.container, client.ContainerCommitOptions{
		Reference: registryImage, Changes: []string{"LABEL " + recipeLabel + "=" + digest}})
	return err
}

// unpackRecipe writes the images' build context and returns its digest.
func unpackRecipe(dir string) (string, error) {
	files, err := fs.Sub(recipe, "images")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(dir, files); err != nil {
		return "", err
	}
	sum := sha256.New()
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	return fmt.Sprintf("%x", sum.Sum(nil)), err
}
