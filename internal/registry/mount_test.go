package registry

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"

	"hotfix/internal/sandbox"
)

// Layers that two images share are sent once: the other repository is told where they are. Where a registry does not
// mount, they are sent.
func TestSharedLayersAreMounted(t *testing.T) {
	f := newFaulty(t, sandbox.NewRegistry(t))
	const size = 200 << 10
	for _, mounts := range []bool{true, false} {
		base, err := random.Image(size, 3)
		if err != nil {
			t.Fatal(err)
		}
		images := built{"php": on(t, base), "nginx": on(t, base)}
		where := f.host + "/mounts"
		if !mounts {
			where = f.host + "/sends"
		}
		p := &Push{Registry: f.through, Built: images, Accept: accept, Targets: []Target{
			{"php", where + "/php", "git-commit-9c1e04b"}, {"nginx", where + "/nginx", "git-commit-9c1e04b"}}}
		actions, err := p.Plan(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var php, nginx, asked atomic.Int64
		f.wrong(func(_ http.ResponseWriter, r *http.Request, _ int64) bool {
			if strings.Contains(r.URL.Path, "/php/blobs/") {
				php.Add(max(0, r.ContentLength))
			} else if strings.Contains(r.URL.Path, "/nginx/blobs/") {
				nginx.Add(max(0, r.ContentLength))
			}
			if r.Method == http.MethodPost && r.URL.Query().Has("mount") {
				asked.Add(1)
				if !mounts {
					r.URL.RawQuery = "" // answered 202: send it
				}
			}
			return false
		})
		if err := do(t, actions); err != nil {
			t.Fatal(err)
		}
		f.fault.Store(nil)
		if !f.sound(t, p.Targets[0], images["php"]) || !f.sound(t, p.Targets[1], images["nginx"]) {
			t.Fatal("not all is there")
		}
		t.Logf("mounts %t: php %d B, nginx %d B, asked %d times", mounts, php.Load(), nginx.Load(), asked.Load())
		if php.Load() < 3*size || asked.Load() != 3 {
			t.Errorf("mounts %t: php took %d B, and %d layers were to be mounted", mounts, php.Load(), asked.Load())
		}
		if sent := nginx.Load(); mounts && sent > size/10 || !mounts && sent < 3*size {
			t.Errorf("mounts %t: nginx took %d B", mounts, sent)
		}
	}
}

// on is an image with a small layer of its own on top of a base.
func on(t *testing.T, base v1.Image) v1.Image {
	t.Helper()
	own, err := random.Layer(1<<10, "application/vnd.oci.image.layer.v1.tar+gzip")
	if err != nil {
		t.Fatal(err)
	}
	made, err := mutate.AppendLayers(base, own)
	if err != nil {
		t.Fatal(err)
	}
	if made, err = mutate.Config(made, v1.Config{Labels: map[string]string{"revision": "9c1e04b"}}); err != nil {
		t.Fatal(err)
	}
	return made
}
