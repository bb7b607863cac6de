package dockercloud_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/dockercloud"
	"hotfix/internal/sandbox"
)

const image = "registry.example.com/acme/php:live"

// here is a stack on a Docker Cloud whose containers are this machine: what an image holds is one file, which a
// deployment writes.
type here struct {
	*sandbox.DockerCloud
	t      *testing.T
	dir    string
	stack  *dockercloud.Stack
	config dockercloud.Config
	server *httptest.Server

	mu      sync.Mutex
	images  map[string]v1.Image // by digest
	content map[string]string   // of the file, by digest
	tag     string              // the digest that the tag names
	made    int
	stopped bool   // what is deployed stops at once
	said    string // what containers have logged besides
}

func newHere(t *testing.T, containers int) *here {
	h := &here{t: t, dir: t.TempDir(), images: map[string]v1.Image{}, content: map[string]string{}}
	h.DockerCloud = sandbox.NewDockerCloud("acme", h)
	h.tag = h.push("old", "old")
	if err := h.Add(t.Context(), "phpfiles", image, containers); err != nil {
		t.Fatal(err)
	}
	if err := h.Add(t.Context(), "redis", "redis:3", 1); err != nil {
		t.Fatal(err)
	}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	h.config = dockercloud.Config{
		Login: h.login(h.User, h.Key), Namespace: h.User, REST: h.server.URL, Stream: "ws" + strings.TrimPrefix(h.server.URL, "http"),
		Migrates: "phpfiles", Every: 5 * time.Millisecond, Answer: 400 * time.Millisecond,
		Digest: func(context.Context, string) (string, error) { return h.tag, nil },
		Image: func(_ context.Context, ref string) (v1.Image, error) {
			return h.images[ref[strings.Index(ref, "@")+1:]], nil
		},
		Candidates: func(_ context.Context, repository, _ string) (all []string, _ error) {
			for digest := range h.images {
				if strings.HasSuffix(repository, "/php") {
					all = append(all, digest)
				}
			}
			return all, nil
		},
		Files: func(image v1.Image) (map[string]string, []string, error) {
			digest, err := image.Digest()
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(h.content[digest.String()])))
			return map[string]string{h.file(): sum}, []string{h.file()}, err
		},
	}
	h.stack = dockercloud.New("acme", h.config)
	return h
}

func (h *here) login(user, key string) dockercloud.Login {
	h.t.Helper()
	env := map[string]string{"DOCKERCLOUD_USER": user, "DOCKERCLOUD_APIKEY": key}
	login, err := dockercloud.FindLogin(func(name string) string { return env[name] }, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return login
}

// push makes an image with that content; setting is what its configuration alone has.
func (h *here) push(content, setting string) (digest string) {
	h.t.Helper()
	image, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"org.opencontainers.image.revision": setting}})
	if err != nil {
		h.t.Fatal(err)
	}
	id, err := image.Digest()
	if err != nil {
		h.t.Fatal(err)
	}
	h.images[id.String()], h.content[id.String()] = image, content
	return id.String()
}

func (h *here) file() string { return filepath.Join(h.dir, "it's app.php") }

// Deploy implements sandbox.Machines.
func (h *here) Deploy(_ context.Context, service, _, _ string) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.made++
	if service != "phpfiles" {
		return service, nil
	}
	return fmt.Sprintf("%s %d", service, h.made), os.WriteFile(h.file(), []byte(h.content[h.tag]), 0o644)
}

// Running implements sandbox.Machines.
func (h *here) Running(machine string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.stopped || machine == "redis"
}

// Exec implements sandbox.Machines.
func (h *here) Exec(ctx context.Context, _ string, argv []string, in io.Reader, out io.Writer) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	tty, err := pty.Start(cmd)
	if err != nil {
		return err
	}
	defer tty.Close()
	go func() { _, _ = io.Copy(tty, in) }()
	_, _ = io.Copy(out, tty) // ends with an error: a terminal does
	return cmd.Wait()
}

// Logs implements sandbox.Machines.
func (h *here) Logs(_ context.Context, machine string, _ int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return machine + " says\nPHP Fatal error\n" + h.said
}

// service is how phpfiles is.
func (h *here) service() cloud.Service {
	h.t.Helper()
	all, err := h.stack.Services(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	if len(all) != 2 || all[0].Name != "phpfiles" {
		h.t.Fatalf("services %+v", all)
	}
	return all[0]
}

// cut answers until some requests were made; the last of them is done and its answer lost, as everything after it.
func (h *here) cut(after int) (config dockercloud.Config, left func() int) {
	var mu sync.Mutex
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		n++
		now := n
		mu.Unlock()
		switch {
		case now < after:
			h.ServeHTTP(w, r)
			return
		case now == after && r.Header.Get("Upgrade") == "":
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		panic(http.ErrAbortHandler)
	}))
	h.t.Cleanup(server.Close)
	config = h.config
	config.REST, config.Stream = server.URL, "ws"+strings.TrimPrefix(server.URL, "http")
	return config, func() int { mu.Lock(); defer mu.Unlock(); return after - n }
}
