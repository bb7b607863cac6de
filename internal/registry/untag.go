package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"hotfix/internal/flow"
)

// untag removes a tag. Older registries remove images alone, with all their tags: there, the image goes if nothing
// else names it, else the tag is first given to an image that has nothing in it.
func (r *Registry) untag(ctx context.Context, repository, tag, digest string) error {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return err
	}
	ref := repository + ":" + tag
	err = remote.Delete(repo.Tag(tag), r.options(ctx)...)
	var answer *transport.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &answer) || answer.StatusCode != http.StatusBadRequest && answer.StatusCode != http.StatusMethodNotAllowed && answer.StatusCode != http.StatusNotFound:
		return explain(ref, err)
	}
	if now, err := r.Digest(ctx, ref); err != nil || now != digest {
		return err
	}
	alone, err := r.alone(ctx, repository, tag, digest)
	if err != nil {
		return err
	}
	if alone {
		err = remote.Delete(repo.Digest(digest), r.options(ctx)...)
	} else {
		err = r.untagApart(ctx, repo, tag)
	}
	if errors.As(err, &answer) && answer.StatusCode == http.StatusMethodNotAllowed {
		return flow.Hint(explain(ref, err), "the registry removes nothing: see storage.delete.enabled in its configuration")
	}
	return explain(ref, err)
}

// alone tells whether no other tag names the image.
func (r *Registry) alone(ctx context.Context, repository, tag, digest string) (bool, error) {
	tags, err := r.tags(ctx, repository)
	if err != nil {
		return false, err
	}
	for _, other := range tags {
		if other == tag {
			continue
		}
		if now, err := r.Digest(ctx, repository+":"+other); err != nil || now == digest {
			return false, err
		}
	}
	return true, nil
}

// untagApart removes a tag with an image of its own. That the registry removes images is tried before the tag moves.
func (r *Registry) untagApart(ctx context.Context, repo name.Repository, tag string) error {
	nothing, err := mutate.Config(empty.Image, v1.Config{Labels: map[string]string{"hotfix.pruned": tag}})
	if err != nil {
		return err
	}
	digest, err := nothing.Digest()
	if err != nil {
		return err
	}
	own := repo.Digest(digest.String())
	for _, ref := range []name.Reference{own, repo.Tag(tag)} {
		if err := remote.Write(ref, nothing, r.options(ctx)...); err != nil {
			return err
		}
		if err := remote.Delete(own, r.options(ctx)...); err != nil {
			return err
		}
	}
	return nil
}
