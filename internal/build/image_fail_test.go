package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

// What fails leaves no image, and the same again converges.
func TestImageFails(t *testing.T) {
	i := newImages(t)
	sound := i.Specs[0]
	for name, c := range map[string]struct {
		change func()
		want   string
	}{
		"a failing smoke command": {func() { i.Specs[0].Smoke = []string{"/tool", "lint"} }, "smoke /tool lint in the built image: exit code 7\nno such command"},
		"a missing Dockerfile":    {func() { i.Specs[0].Dockerfile = "Dockerfile" }, "no such file"},
		"a missing ignore file":   {func() { i.Specs[0].Ignore = "ignore" }, "no such file"},
		"a missing filter":        {func() { i.Specs[0].Filter = "rules" }, "no such file"},
		"a failing Dockerfile": {func() {
			write(t, i.Directory.Path, ".stack.php.Dockerfile", "FROM scratch\nCOPY nothing /\n")
			i.resync(t)
		}, "nothing"},
		"content nobody verified": {func() {
			i.Cleared = Evidence{Log: &memory{[]flow.Entry{{Kind: flow.Done, Phase: "verify", Facts: map[string]string{"content": "other"}}}}, Commit: commit}.Cleared
		}, "was not verified"},
		"a changed directory": {func() { write(t, i.Directory.Path, "late.php", "") }, "was changed after it was synced"},
	} {
		t.Run(name, func(t *testing.T) {
			dockerfile, err := os.ReadFile(filepath.Join(i.Directory.Path, ".stack.php.Dockerfile"))
			if err != nil {
				t.Fatal(err)
			}
			c.change()
			if err := i.build(t.Context(), i.Specs[0], nil, &told{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it ended with %v", err)
			}
			if _, err := i.Cache.Image(t.Context(), "php", commit); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the cache: %v", err)
			}
			i.Specs[0], i.Cleared = sound, nil
			write(t, i.Directory.Path, ".stack.php.Dockerfile", string(dockerfile))
			_ = os.Remove(filepath.Join(i.Directory.Path, "late.php")) // there in one case
			i.resync(t)
		})
	}
	skipped := &memory{[]flow.Entry{{Kind: flow.Skipped, Phase: "verify", Commit: commit, Facts: map[string]string{"reason": "at night"}}}}
	i.Cleared = Evidence{Log: skipped, Commit: commit}.Cleared
	if err := act(t, i, &told{}); err != nil {
		t.Errorf("once verification was left out: %v", err)
	}
}

// Ctrl-C leaves no image; nor does a kill, which leaves a draft. The same again completes.
func TestImageInterrupted(t *testing.T) {
	i := newImages(t)
	i.Specs[0].Smoke = nil
	ctx, cancel := context.WithCancel(t.Context())
	report := &told{}
	failed := make(chan error)
	go func() { failed <- i.build(ctx, i.Specs[0], nil, report) }()
	waitFor(t, "BuildKit", func() bool { return strings.Contains(report.String(), "#1 ") })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	draft, err := i.Cache.draft("php", commit)
	if err != nil {
		t.Fatal(err)
	}
	write(t, draft.dir, "blobs/sha256/half", "half")
	if _, err := i.Cache.Image(t.Context(), "php", commit); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cache: %v", err)
	}
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	if why, ok := flow.NothingToDo(second(i.Plan(t.Context()))); !ok {
		t.Errorf("planned again: %q", why)
	}
}

// A damaged entry is no image: it is planned again.
func TestImageDamaged(t *testing.T) {
	i := newImages(t)
	if err := act(t, i, &told{}); err != nil {
		t.Fatal(err)
	}
	entry := i.Cache.entry("php", commit)
	manifest := manifestOf(t, cachedImage(t, i))
	index, err := os.ReadFile(filepath.Join(entry, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"index.json", blobPath("", manifest.Config.Digest), blobPath("", manifest.Layers[1].Digest)} {
		whole, err := os.ReadFile(filepath.Join(entry, path))
		if err != nil {
			t.Fatal(err)
		}
		for _, broken := range [][]byte{whole[:len(whole)/2], slices.Concat([]byte("x"), whole[1:])} {
			write(t, entry, path, string(broken))
			if _, err := i.Cache.Image(t.Context(), "php", commit); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("with %s damaged: %v", path, err)
			}
		}
		if actions, err := i.Plan(t.Context()); err != nil || len(actions) != 1 {
			t.Errorf("planned %v, %v", actions, err)
		}
		write(t, entry, path, string(whole))
	}
	write(t, entry, "index.json", string(index))
	if _, err := i.Cache.Image(t.Context(), "php", commit); err != nil {
		t.Error(err)
	}
}
