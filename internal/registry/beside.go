package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"hotfix/internal/flow"
)

// Beside returns what is kept beside an image, of one artifact type: its OCI referrers, or what the tag sha256-HEX
// names where the registry knows of none.
func (r *Registry) Beside(ctx context.Context, repository, digest, kind string) ([]v1.Image, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	index, err := remote.Referrers(repo.Digest(digest), append(r.options(ctx), remote.WithFilter("artifactType", kind))...)
	if err != nil {
		return nil, explain(repository+"@"+digest, err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var found []v1.Image
	for _, one := range manifest.Manifests {
		image, err := remote.Image(repo.Digest(one.Digest.String()), r.options(ctx)...)
		if err != nil {
			return nil, explain(repository+"@"+one.Digest.String(), err)
		}
		found = append(found, image)
	}
	return found, nil
}

// KeepBeside writes an artifact, which names the image that it is kept beside.
func (r *Registry) KeepBeside(ctx context.Context, repository string, artifact v1.Image) error {
	missing, err := r.missing(ctx, repository, artifact)
	if err != nil {
		return err
	}
	return r.keepBeside(ctx, repository, artifact, missing)
}

func (r *Registry) keepBeside(ctx context.Context, repository string, artifact v1.Image, missing lacks) error {
	digest, err := artifact.Digest()
	if err != nil {
		return err
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	ref := repo.Digest(digest.String())
	return explain(ref.String(), remote.Write(ref, partly{artifact, missing, repo, nil}, r.options(ctx)...))
}

// beside keeps the listing of an image that is being pushed, unless that is more to send than the image is: of a
// foreign image, whose layers were never listed. Then Replace does it, when nobody waits. It is a saving: what a
// registry does not take is read from the layers next time.
func (p *Push) beside(ctx context.Context, t Target, sent int64) <-chan error {
	done := make(chan error, 1)
	go func() {
		defer close(done)
		if p.Listing == nil {
			return
		}
		listing, err := p.Listing(ctx, t.Name)
		if err != nil || listing == nil {
			return
		}
		const small = 64 << 10
		if missing, err := p.Registry.missing(ctx, t.Repository, listing); err == nil && missing.bytes() <= max(sent, small) {
			done <- p.Registry.keepBeside(ctx, t.Repository, listing, missing)
		}
	}()
	return done
}

// listings are those that are on their way.
type listings map[Target]<-chan error

// wait ends once none is on its way any more.
func (l listings) wait(report flow.Report) {
	for t, done := range l {
		tellBeside(report, t.Repository, <-done)
	}
}

func tellBeside(report flow.Report, repository string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(report, "no listing is kept beside %s, the next hotfix will read the layers: %v\n", repository, err)
	}
}
