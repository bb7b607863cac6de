package sandbox

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"
)

func TestRegistryTakesImagesFromItsUserAlone(t *testing.T) {
	engine, r := Engine(t), NewRegistry(t)
	image := r.Host + "/acme/try:one"
	importSmall(t, engine, image)
	t.Cleanup(func() { _, _ = engine.ImageRemove(context.Background(), image, client.ImageRemoveOptions{}) })

	wrong, err := authconfig.Encode(registry.AuthConfig{Username: r.User, Password: "guess", ServerAddress: r.Host})
	if err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), engine, image, wrong); err == nil || !strings.Contains(err.Error(), "auth") {
		t.Fatalf("pushed with a wrong password: %v", err)
	}
	right, err := r.Auth()
	if err != nil {
		t.Fatal(err)
	}
	if err := push(t.Context(), engine, image, right); err != nil {
		t.Fatal(err)
	}
	options := client.DistributionInspectOptions{EncodedRegistryAuth: right}
	if _, err := engine.DistributionInspect(t.Context(), image, options); err != nil {
		t.Fatalf("%s is not in the registry: %v", image, err)
	}
}

func importSmall(t *testing.T, engine client.APIClient, image string) {
	t.Helper()
	content, err := tarball("app", map[string][]byte{"hello": []byte("hello\n")})
	if err != nil {
		t.Fatal(err)
	}
	source := client.ImageImportSource{Source: content, SourceName: "-"}
	result, err := engine.ImageImport(t.Context(), source, image, client.ImageImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if _, err := io.Copy(io.Discard, result); err != nil {
		t.Fatal(err)
	}
}
