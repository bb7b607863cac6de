// Package registry is the only owner of credentials, trust and transport towards image registries; it moves
// digests, tags and images, and holds the phases that do.
package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"hotfix/internal/flow"
)

// Registry talks to every registry that the images name, with docker's own credentials and trust.
type Registry struct {
	keychain  authn.Keychain
	transport http.RoundTripper
	backoff   remote.Backoff // between one request and the next try
}

// New returns a Registry with the credentials of docker's config and helpers, trusting the system's roots and
// what lies in docker's certs.d folders.
func New() *Registry {
	return &Registry{keychain: authn.DefaultKeychain, transport: newTransport(certDirs()),
		backoff: remote.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 5}}
}

// Image returns the image at a reference, its content read when it is asked for. The error is fs.ErrNotExist
// where the registry has none.
func (r *Registry) Image(ctx context.Context, ref string) (v1.Image, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, fmt.Errorf("%s is no image reference: %w", ref, err)
	}
	image, err := remote.Image(parsed, r.options(ctx)...)
	return image, explain(ref, err)
}

// Digest returns the digest of the manifest at a reference; fs.ErrNotExist where the registry has none.
func (r *Registry) Digest(ctx context.Context, ref string) (string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return "", fmt.Errorf("%s is no image reference: %w", ref, err)
	}
	head, err := remote.Head(parsed, r.options(ctx)...)
	if err != nil {
		return "", explain(ref, err)
	}
	return head.Digest.String(), nil
}

// platforms are those of an index; none where the reference names an image.
func (r *Registry) platforms(ctx context.Context, ref string) ([]string, error) {
	parsed, err := name.ParseReference(ref)
	if err != nil {
		return nil, err
	}
	found, err := remote.Get(parsed, r.options(ctx)...)
	if err != nil || !found.MediaType.IsIndex() {
		return nil, explain(ref, err)
	}
	index, err := found.ImageIndex()
	if err != nil {
		return nil, explain(ref, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, explain(ref, err)
	}
	var all []string
	for _, one := range manifest.Manifests {
		if one.Platform != nil {
			all = append(all, one.Platform.String())
		}
	}
	if len(all) == 0 {
		all = []string{"unnamed platforms"}
	}
	return all, nil
}

// Tag gives the manifest with this digest one more name: a few hundred bytes. What the registry then has under that
// name is read and hashed, whatever its headers say.
func (r *Registry) Tag(ctx context.Context, repository, digest, tag string) error {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	manifest, err := remote.Get(repo.Digest(digest), r.options(ctx)...)
	if err != nil {
		return explain(repository+":"+tag, err)
	}
	return r.tag(ctx, repo.Tag(tag), digest, manifest)
}

// tag is Tag where the manifest is at hand.
func (r *Registry) tag(ctx context.Context, tag name.Tag, digest string, manifest remote.Taggable) error {
	err := remote.Tag(tag, manifest, r.options(ctx)...)
	if err != nil {
		return explain(tag.Name(), err)
	}
	found, err := remote.Get(tag, r.options(ctx)...)
	if err == nil && found.Digest.String() != digest {
		err = fmt.Errorf("the registry was told %s, and has %s under that tag", short(digest), short(found.Digest.String()))
	}
	return explain(tag.Name(), err)
}

// CheckPush proves that images may be pushed to the repository, and says as whom.
func (r *Registry) CheckPush(ctx context.Context, repository string) (string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return "", fmt.Errorf("%s is no repository: %w", repository, err)
	}
	if err := remote.CheckPushPermission(repo.Tag("hotfix"), r.keychain, r.transport); err != nil {
		return "", explain(repository, err)
	}
	auth, err := authn.Resolve(ctx, r.keychain, repo)
	if err != nil {
		return "", err
	}
	config, err := auth.Authorization()
	if err != nil || config.Username == "" {
		return "allowed", err
	}
	return "allowed as " + config.Username, nil
}

// Auth returns the X-Registry-Auth header with which an engine may pull from the repository.
func (r *Registry) Auth(ctx context.Context, repository string) (string, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return "", err
	}
	auth, err := authn.Resolve(ctx, r.keychain, repo)
	if err != nil {
		return "", fmt.Errorf("credentials for %s: %w", repo.RegistryStr(), err)
	}
	config, err := auth.Authorization()
	if err != nil {
		return "", fmt.Errorf("credentials for %s: %w", repo.RegistryStr(), err)
	}
	header, err := json.Marshal(map[string]string{
		"username": config.Username, "password": config.Password,
		"identitytoken": config.IdentityToken, "registrytoken": config.RegistryToken,
		"serveraddress": repo.RegistryStr(),
	})
	return base64.URLEncoding.EncodeToString(header), err
}

func (r *Registry) options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(r.keychain), remote.WithTransport(r.transport),
		remote.WithRetryBackoff(r.backoff),
	}
}

// explain says in the user's words what a registry answered.
func explain(ref string, err error) error {
	host, _, _ := strings.Cut(ref, "/")
	var answer *transport.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound:
		return fmt.Errorf("%s: %w in the registry", ref, fs.ErrNotExist)
	case errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden):
		return flow.Hint(fmt.Errorf("%s: %s refused the credentials: %w", ref, host, err), "docker login "+host)
	case len(flow.Hints(err)) > 0:
		return fmt.Errorf("%s: %w", ref, err)
	case strings.Contains(err.Error(), "x509:"):
		return flow.Hint(fmt.Errorf("%s: %w", ref, err), "put the registry's CA in /etc/docker/certs.d/"+host+"/ca.crt")
	}
	if answer != nil && answer.StatusCode >= http.StatusInternalServerError {
		return flow.Hint(fmt.Errorf("%s: %w", ref, err), "see "+host+"'s log and whether its disk is full; then the same command goes on")
	}
	return flow.Hint(fmt.Errorf("%s: %w", ref, err), "see whether "+host+" is up and reachable from here")
}
