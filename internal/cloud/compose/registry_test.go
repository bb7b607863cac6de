package compose_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// app returns a layer with the program at /app, compiled once.
func app(t *testing.T) v1.Layer {
	t.Helper()
	layer, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

var compile = sync.OnceValues(func() (v1.Layer, error) {
	dir, err := os.MkdirTemp("", "cloudtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "app"), "./testdata/app")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the test's app: %w: %s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(dir, "app"))
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "app", Mode: 0o755, Size: int64(len(program)), Typeflag: tar.TypeReg})
	_, _ = w.Write(program)
	if err := w.Close(); err != nil {
		return nil, err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
})

// push puts an image into the registry and returns repo:tag@digest. More settles what else its config says.
func (p *project) push(tag, version, mode string, more ...func(*v1.Config)) string {
	p.t.Helper()
	image, err := mutate.AppendLayers(empty.Image, p.binary)
	p.must(err)
	config := v1.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/",
		Env:    []string{"PATH=/", "VERSION=" + version, "MODE=" + mode},
		Labels: map[string]string{"org.opencontainers.image.revision": version, "org.opencontainers.project": p.name},
	}
	for _, m := range more {
		m(&config)
	}
	image, err = mutate.Config(image, config)
	p.must(err)
	ref, err := name.ParseReference(p.repository + ":" + tag)
	p.must(err)
	p.must(remote.Write(ref, image))
	digest, err := image.Digest()
	p.must(err)
	return ref.Name() + "@" + digest.String()
}

// locked is a registry's handler behind a password.
func locked(password string) http.Handler {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}
