//go:build swarm

package swarm_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
)

// compile returns a layer with the program that the tests of the other targets deploy too.
var compile = sync.OnceValues(func() (v1.Layer, error) {
	dir, err := os.MkdirTemp("", "swarmtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", filepath.Join(dir, "app"), "../compose/testdata/app")
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

func login() remote.Option {
	return remote.WithAuth(&authn.Basic{Username: "deploy", Password: password})
}

func auth(context.Context, string) (string, error) {
	return authconfig.Encode(registry.AuthConfig{Username: "deploy", Password: password, ServerAddress: images})
}

func image(ctx context.Context, ref string) (v1.Image, error) {
	parsed, err := name.ParseReference(ref, name.Insecure)
	if err != nil {
		return nil, err
	}
	return remote.Image(parsed, login(), remote.WithContext(ctx))
}

// push puts an image into the registry and returns repo:tag@digest. More settles what else its config says.
func (s *stack) push(tag, version, mode string, more ...func(*v1.Config)) string {
	s.t.Helper()
	return s.pushLayers(tag, version, mode, nil, more...)
}

// pushLayers is push with more layers on top.
func (s *stack) pushLayers(tag, version, mode string, top []v1.Layer, more ...func(*v1.Config)) string {
	s.t.Helper()
	layer, err := compile()
	s.must(err)
	made, err := mutate.AppendLayers(empty.Image, append([]v1.Layer{layer}, top...)...)
	s.must(err)
	config := v1.Config{Entrypoint: []string{"/app"}, Cmd: []string{"serve"}, WorkingDir: "/",
		Env:    []string{"PATH=/", "VERSION=" + version, "MODE=" + mode},
		Labels: map[string]string{"org.opencontainers.image.revision": version, "org.opencontainers.project": s.repository},
	}
	for _, m := range more {
		m(&config)
	}
	made, err = mutate.Config(made, config)
	s.must(err)
	ref, err := name.ParseReference(s.repository+":"+tag, name.Insecure)
	s.must(err)
	s.must(remote.Write(ref, made, login()))
	digest, err := made.Digest()
	s.must(err)
	return ref.Name() + "@" + digest.String()
}

// checked gives an image a healthcheck.
func checked(c *v1.Config) {
	c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app", "check"}, Interval: 300 * time.Millisecond,
		Timeout: 5 * time.Second, Retries: 3}
}

func digest(ref string) string { return ref[strings.Index(ref, "@")+1:] }
