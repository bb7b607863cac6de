package registry

import (
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
)

const artifactType = "application/vnd.example.v1+json"

// beside is something to be kept beside an image.
func beside(t *testing.T, of v1.Image) v1.Image {
	t.Helper()
	subject, err := partial.Descriptor(of)
	if err != nil {
		t.Fatal(err)
	}
	return mutate.Subject(mutate.ConfigMediaType(image(t, "listing"), artifactType), *subject).(v1.Image)
}

// What is kept beside an image is found again, on registries that know referrers and on those that do not.
func TestKeepBeside(t *testing.T) {
	for name, knows := range map[string]bool{"referrers": true, "fallback tag": false} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(fake.New(fake.WithReferrersSupport(knows), fake.Logger(log.New(io.Discard, "", 0))))
			defer server.Close()
			r := &Registry{keychain: login{"", ""}, transport: newTransport(nil), backoff: quick}
			repository, of := strings.TrimPrefix(server.URL, "http://")+"/acme/php", image(t, "9c1e04b")
			digest, err := sent(t, r, repository, of)
			if err != nil {
				t.Fatal(err)
			}
			if found, err := r.Beside(t.Context(), repository, digest, artifactType); err != nil || len(found) > 0 {
				t.Fatalf("before: %v, %v", found, err)
			}
			kept := beside(t, of)
			for range 2 { // keeping it again changes nothing
				if err := r.KeepBeside(t.Context(), repository, kept); err != nil {
					t.Fatal(err)
				}
			}
			found, err := r.Beside(t.Context(), repository, digest, artifactType)
			if err != nil || len(found) != 1 || digestOf(t, found[0]) != digestOf(t, kept) {
				t.Errorf("found %v, %v", found, err)
			}
			if others, err := r.Beside(t.Context(), repository, digest, "another/type"); err != nil || len(others) > 0 {
				t.Errorf("of another type: %v, %v", others, err)
			}
		})
	}
}
