package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/moby/moby/client"
)

// release builds the release's images and pushes them, the way it was done before hotfix: in a checkout of the
// tag, with docker build and docker push. Other files may lie around there, or have been edited.
func (w *World) release(ctx context.Context, lying map[string]string) error {
	checkout := w.path("release")
	if err := w.git(ctx, "worktree", "add", "--quiet", "--detach", checkout, Release); err != nil {
		return err
	}
	if _, err := run(ctx, checkout, w.gitEnv(), "bin/revision.sh"); err != nil {
		return err
	}
	for name, content := range lying {
		if err := os.WriteFile(filepath.Join(checkout, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	auth, err := w.Registry.Auth()
	if err != nil {
		return err
	}
	for _, name := range []string{"php", "nginx"} {
		options := client.ImageBuildOptions{Dockerfile: ".stack." + name + ".Dockerfile", Tags: []string{w.image(name)}}
		if err := buildImage(ctx, w.Engine, checkout, options); err != nil {
			return err
		}
		if err := push(ctx, w.Engine, w.image(name), auth); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(checkout); err != nil {
		return err
	}
	return w.git(ctx, "worktree", "prune")
}

// Dirty releases again what was released, as it was once done by hand: from a checkout with these files lying around.
func (w *World) Dirty(ctx context.Context, lying map[string]string) error {
	if err := w.release(ctx, lying); err != nil {
		return err
	}
	return w.up(ctx)
}

// image is the release's image of that name.
func (w *World) image(name string) string {
	return fmt.Sprintf("%s/acme/acme-web-src-%s:git-commit-%s", w.Registry.Host, name, w.SHA)
}

func push(ctx context.Context, engine client.APIClient, image, auth string) error {
	response, err := engine.ImagePush(ctx, image, client.ImagePushOptions{RegistryAuth: auth})
	if err == nil {
		err = response.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("push %s: %w", image, err)
	}
	return nil
}
