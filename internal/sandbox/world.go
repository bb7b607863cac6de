package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// A World is everything that a hotfix touches: a git remote and a developer's clone, a private registry with the
// release's images, the live stack of that release with its database, Cloudflare and its cache before the site.
type World struct {
	ID         string // the value of Label
	Dir        string // holds all of its files
	Remote     string // a bare git repository: master, develop, tag 16.03.1
	Clone      string // the developer's, on develop, with hotfix.yml and .env
	SHA        string // the release's commit, seven digits: --sha
	Stack      string // the compose project: --confirm
	Origin     string // the live stack's address
	Site       string // the same through the CDN
	Engine     client.APIClient
	Registry   *Registry
	Cloudflare *Cloudflare

	password, webPort, verifyPort string
	api, site                     *httptest.Server
	cluster                       *Cluster         // the live stack is on it; nil where it is a compose project
	cloud                         *httptest.Server // Docker Cloud's API, where the stack is under one
	cloudEnv                      []string
}

// NewWorld makes a world in the empty directory dir. The stack is named stack, or where that is empty after the
// world's id. When it fails, nothing is left but files.
func NewWorld(ctx context.Context, engine client.APIClient, dir, stack string, logf Logf) (*World, error) {
	w := &World{ID: id(), Dir: dir, Stack: stack, Engine: engine, password: id() + id()}
	if stack == "" {
		w.Stack = "acme160301-" + w.ID
	}
	w.Remote, w.Clone = w.path("acme.git"), w.path("acme")
	if err := w.make(ctx, logf); err != nil {
		undo, cancel := flow.Cleanup(ctx)
		defer cancel()
		return nil, errors.Join(err, w.Close(undo))
	}
	return w, nil
}

func (w *World) make(ctx context.Context, logf Logf) error {
	product, err := productDirectory()
	if err != nil {
		return err
	}
	if err := Images(ctx, w.Engine, logf); err != nil {
		return err
	}
	logf("starting a private registry and Cloudflare")
	if w.Registry, err = StartRegistry(ctx, w.Engine, w.ID, w.Dir); err != nil {
		return err
	}
	if err := w.serve(); err != nil {
		return err
	}
	logf("making the git remote with master, develop and %s, and a clone of it", Release)
	if err := w.publish(ctx, product); err != nil {
		return err
	}
	logf("building and pushing the images of %s", Release)
	if err := w.release(ctx, nil); err != nil {
		return err
	}
	logf("starting the live stack %s with its database", w.Stack)
	return w.live(ctx)
}

// serve starts Cloudflare's API and the site behind its cache, and keeps the API token where hotfix.yml finds it.
func (w *World) serve() error {
	var err error
	if w.webPort, err = freePort(); err != nil {
		return err
	}
	if w.verifyPort, err = freePort(); err != nil {
		return err
	}
	w.Origin = "http://127.0.0.1:" + w.webPort
	cdn := newEdge(w.Origin)
	w.Cloudflare = NewCloudflare("example.com")
	w.Cloudflare.Purged = cdn.purge
	w.api, w.site = httptest.NewServer(w.Cloudflare), httptest.NewServer(cdn)
	w.Site = w.site.URL
	if err := os.Mkdir(w.path("secrets"), 0o700); err != nil {
		return err
	}
	return os.WriteFile(w.path("secrets/cloudflare-token"), []byte(w.Cloudflare.Token+"\n"), 0o600)
}

// Env is what hotfix's environment has in this world beyond the usual.
func (w *World) Env() []string {
	return append(append(w.gitEnv(), w.cloudEnv...),
		"DOCKER_HOST="+w.Engine.DaemonHost(),
		"DOCKER_CONFIG="+w.Registry.DockerConfig,
		"CLOUDFLARE_BASE_URL="+w.api.URL+"/client/v4",
		"XDG_CACHE_HOME="+w.path("cache"),
	)
}

func (w *World) path(name string) string { return filepath.Join(w.Dir, name) }

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// productDirectory finds testdata/product from anywhere in the module.
func productDirectory() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		product := filepath.Join(dir, "testdata", "product")
		if _, err := os.Stat(filepath.Join(product, "hotfix.yml")); err == nil {
			return product, nil
		}
		if strings.TrimSuffix(dir, "/") == "" {
			return "", fmt.Errorf("there is no testdata/product above %s", start)
		}
	}
}
