package sandbox

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"
)

// Close removes the world's containers, networks, volumes and images, and stops its servers. The files stay.
func (w *World) Close(ctx context.Context) error {
	if w.api != nil {
		w.api.Close()
		w.site.Close()
	}
	if w.cloud != nil {
		w.cloud.Close()
	}
	var failures []error
	for _, label := range []string{Label + "=" + w.ID, api.ProjectLabel + "=" + w.Stack} {
		failures = append(failures, w.removeLabelled(ctx, make(client.Filters).Add("label", label)))
	}
	if w.Registry != nil {
		failures = append(failures, w.removeImages(ctx))
	}
	return errors.Join(failures...)
}

func (w *World) removeLabelled(ctx context.Context, labelled client.Filters) error {
	containers, err := w.Engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: labelled})
	if err != nil {
		return err
	}
	var failures []error
	for _, c := range containers.Items {
		_, err := w.Engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		failures = append(failures, gone(err))
	}
	networks, err := w.Engine.NetworkList(ctx, client.NetworkListOptions{Filters: labelled})
	failures = append(failures, err)
	for _, n := range networks.Items {
		_, err := w.Engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
		failures = append(failures, gone(err))
	}
	volumes, err := w.Engine.VolumeList(ctx, client.VolumeListOptions{Filters: labelled})
	failures = append(failures, err)
	for _, v := range volumes.Items {
		_, err := w.Engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
		failures = append(failures, gone(err))
	}
	return errors.Join(failures...)
}

// removeImages forgets every name that the world's registry gave an image, and those of its commits' builds. An
// image goes with its last name: a part that is the same in every world may still run in another.
func (w *World) removeImages(ctx context.Context) error {
	commits, err := w.Git(ctx, "rev-list", "--all")
	if err != nil {
		commits = "" // it failed before there was a repository
	}
	images, err := w.Engine.ImageList(ctx, client.ImageListOptions{})
	if err != nil {
		return err
	}
	var failures []error
	for _, image := range images.Items {
		for _, name := range slices.Concat(image.RepoTags, image.RepoDigests) {
			built, isBuild := strings.CutPrefix(name, "hotfix-build/")
			_, commit, _ := strings.Cut(built, ":")
			if strings.HasPrefix(name, w.Registry.Host+"/") || isBuild && strings.Contains(commits, commit) {
				_, err := w.Engine.ImageRemove(ctx, name, client.ImageRemoveOptions{PruneChildren: true})
				failures = append(failures, gone(err))
			}
		}
	}
	return errors.Join(failures...)
}

// gone is no failure of a removal.
func gone(err error) error {
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}
