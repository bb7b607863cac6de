package sandbox

import (
	"fmt"
	"os"
	"testing"

	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// Engine returns the docker engine for a test. Without one the test is skipped, loudly; with HOTFIX_NEED_ENGINE=1
// it fails.
func Engine(t testing.TB) client.APIClient {
	t.Helper()
	engine, err := Dial(t.Context())
	if err != nil && os.Getenv("HOTFIX_NEED_ENGINE") == "1" {
		t.Fatalf("HOTFIX_NEED_ENGINE=1: %v", err)
	}
	if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	t.Cleanup(func() { _ = engine.Close() })
	return engine
}

// Base returns an image with a Debian userland for a test.
func Base(t testing.TB) string {
	t.Helper()
	image, err := BaseImage(t.Context(), Engine(t), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// NewRegistry starts a registry for a test and removes it at its end.
func NewRegistry(t testing.TB) *Registry { return newRegistry(t, nil) }

// NewSmallRegistry is a NewRegistry whose disk holds that many bytes.
func NewSmallRegistry(t testing.TB, bytes int) *Registry {
	return newRegistry(t, map[string]string{"/var/lib/registry": fmt.Sprintf("size=%d", bytes)})
}

func newRegistry(t testing.TB, mounts map[string]string) *Registry {
	t.Helper()
	engine := Engine(t)
	if err := Images(t.Context(), engine, t.Logf); err != nil {
		t.Fatal(err)
	}
	registry, err := startRegistry(t.Context(), engine, registryImage, id(), t.TempDir(), mounts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := flow.Cleanup(t.Context())
		defer cancel()
		if err := registry.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return registry
}

// Start makes a world for a test and removes it at its end.
func Start(t testing.TB) *World {
	t.Helper()
	world, err := NewWorld(t.Context(), Engine(t), t.TempDir(), "", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := flow.Cleanup(t.Context())
		defer cancel()
		if err := world.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return world
}
