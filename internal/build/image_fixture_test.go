package build

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/client"

	"hotfix/internal/sandbox"
)

var committed = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tool is a static program, all that the tests' images need of a userland.
const tool = `package main

import "os"

func main() {
	if len(os.Args) != 3 || os.Args[1] != "cat" {
		os.Stderr.WriteString("no such command\n")
		os.Exit(7)
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		os.Stderr.WriteString(err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.Write(text)
}
`

var buildTool = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "hotfix-tool-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(tool), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", "tool", "main.go")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=0")
	if err := cmd.Run(); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "tool"))
})

// newImages is a synced directory with a Dockerfile, and the phase that builds it.
func newImages(t *testing.T) *Images {
	t.Helper()
	engine := sandbox.Engine(t)
	binary, err := buildTool()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "acme-build")
	write(t, dir, "tool", string(binary))
	if err := os.Chmod(filepath.Join(dir, "tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir, ".stack.php.Dockerfile", "FROM scratch\nCOPY tool /tool\nCOPY . /app\nENV STAGE=live\nENTRYPOINT [\"/tool\"]\n")
	write(t, dir, ".stack.php.dockerignore", "*.md\n!secrets.php\n")
	write(t, dir, "index.php", "<?php // 1\n")
	write(t, dir, "README.md", "ignored")
	write(t, dir, "config/secrets.php", "private")
	write(t, dir, "lib/.git", "gitdir: ../.git/modules/lib")
	write(t, dir, ".git/config", "")
	p := &rig{Directory: Directory{Path: dir, Private: []string{"config/secrets.php"}}}
	p.sync(t)
	images := &Images{
		Directory: p.Directory, Tag: "git-commit-9c1e04b", Commit: commit, Version: "16.03.1b", Created: committed,
		Source: "https://joe:secret@git.example.com/acme.git", Engine: engine, Cache: Cache{Dir: filepath.Join(t.TempDir(), "cache")},
		Specs: []ImageSpec{{Name: "php", Repository: "registry.example.com/acme/php", Dockerfile: ".stack.php.Dockerfile",
			Ignore: ".stack.php.dockerignore", Smoke: []string{"/tool", "cat", "/app/index.php"}}},
	}
	t.Cleanup(func() { removeImages(t, engine, localTag("php", commit)) })
	return images
}

// resync stamps the directory after a change.
func (i *Images) resync(t *testing.T) {
	t.Helper()
	(&rig{Directory: i.Directory}).sync(t)
}

func removeImages(t *testing.T, engine client.APIClient, names ...string) {
	for _, name := range names {
		_, _ = engine.ImageRemove(context.WithoutCancel(t.Context()), name, client.ImageRemoveOptions{Force: true}) // it may not be there
	}
}

// files lists the paths of a tree that the image's layers amount to.
func filesOf(t *testing.T, image v1.Image) tree {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	all, err := Contents{}.flatten(tree{}, layers)
	if err != nil {
		t.Fatal(err)
	}
	return all.visible()
}

func listing(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		all = append(all, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func cachedImage(t *testing.T, i *Images) v1.Image {
	t.Helper()
	image, err := i.Cache.Image(t.Context(), "php", i.Commit)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func imageDigest(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}
