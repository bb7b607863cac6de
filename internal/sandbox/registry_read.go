package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Image returns what the registry has at a reference, read with the registry's own user: no environment is looked
// at, so that tests of several worlds can run side by side.
func (r *Registry) Image(ctx context.Context, ref string) (v1.Image, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", r.CA)
	}
	return remote.Image(parsed, remote.WithContext(ctx), remote.WithAuth(authn.FromConfig(authn.AuthConfig{Username: r.User, Password: r.Password})),
		remote.WithTransport(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}))
}
