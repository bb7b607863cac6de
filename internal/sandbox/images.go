package sandbox

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"

	"github.com/moby/moby/client"
)

const (
	servicesImage = "hotfix-sandbox/services:bookworm" // everything; the registry runs in it
	recipeLabel   = "hotfix.sandbox.recipe"
)

//go:embed images
var recipe embed.FS

// Images sees to the sandbox's images: hotfix-sandbox/services, and what the product is made of: php-base,
// nginx-base and mariadb. They are built once, from Debian's packages, and again when their recipe has changed.
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
		for _, target := range []string{"services", "php-base", "nginx-base", "mariadb"} {
			image := "hotfix-sandbox/" + target + ":bookworm"
			found, err := engine.ImageInspect(ctx, image)
			if err == nil && found.Config.Labels[recipeLabel] == digest {
				continue
			}
			logf("building %s from Debian's packages (a minute, once)", image)
			options := client.ImageBuildOptions{
				Dockerfile: "Dockerfile", Target: target, Tags: []string{image}, Labels: map[string]string{recipeLabel: digest},
			}
			if err := buildImage(ctx, engine, dir, options); err != nil {
				return err
			}
		}
		return nil
	})
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
