package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/client"
)

// copyTree copies a tree without its .git directories: modes, times and links as they are.
func copyTree(ctx context.Context, from, to string) error {
	type dir struct {
		path string
		info fs.FileInfo
	}
	var dirs []dir // their modes and times come last: writing into them changes both
	err := filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.Name() == ".git" && relative != "." {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case info.IsDir():
			dirs = append(dirs, dir{target, info})
			return os.Mkdir(target, 0o700)
		case info.Mode().Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case info.Mode().IsRegular():
			return copyFile(path, target, info)
		}
		return nil // a socket or a pipe is no part of an application
	})
	for i := len(dirs) - 1; i >= 0 && err == nil; i-- {
		err = like(dirs[i].path, dirs[i].info)
	}
	if err != nil {
		return fmt.Errorf("copy %s to %s: %w", from, to, err)
	}
	return nil
}

func copyFile(from, to string, info fs.FileInfo) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	if err := errors.Join(err, target.Close()); err != nil {
		return err
	}
	return like(to, info)
}

func like(path string, info fs.FileInfo) error {
	return errors.Join(os.Chmod(path, info.Mode().Perm()), os.Chtimes(path, info.ModTime(), info.ModTime()))
}

// removeTree removes a tree that containers have written to: where files of root stand in the way, a container of
// one of the given images empties it.
func removeTree(ctx context.Context, engine client.APIClient, path string, images []string) error {
	err := os.RemoveAll(path)
	for _, image := range images {
		if !errors.Is(err, fs.ErrPermission) {
			break
		}
		if failed := emptyTree(ctx, engine, path, image); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		err = os.RemoveAll(path)
	}
	return err
}

func emptyTree(ctx context.Context, engine client.APIClient, path, image string) error {
	created, err := engine.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: image, User: "0:0", WorkingDir: "/",
			Entrypoint: []string{"find", "/tree", "-mindepth", "1", "-delete"}},
		HostConfig: &container.HostConfig{NetworkMode: "none", LogConfig: container.LogConfig{Type: "json-file"},
			Mounts: []mount.Mount{{Type: mount.TypeBind, Source: path, Target: "/tree"}}},
	})
	if err != nil {
		return err
	}
	defer engine.ContainerRemove(ctx, created.ID, client.ContainerRemoveOptions{Force: true}) //nolint:errcheck // the copy is what matters
	if _, err := engine.ContainerStart(ctx, created.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	return follow(ctx, engine, created.ID, io.Discard)
}
