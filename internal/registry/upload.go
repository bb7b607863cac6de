package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// lacks are layers that a repository does not hold yet, and their sizes.
type lacks map[v1.Hash]int64

func (l lacks) bytes() (all int64) {
	for _, size := range l {
		all += size
	}
	return all
}

// missing asks which of the image's layers the repository lacks.
func (r *Registry) missing(ctx context.Context, repository string, image v1.Image) (lacks, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return nil, err
	}
	found := lacks{}
	var mu sync.Mutex
	var work errgroup.Group
	work.SetLimit(4)
	for _, layer := range manifest.Layers {
		work.Go(func() error {
			blob, err := remote.Layer(repo.Digest(layer.Digest.String()), r.options(ctx)...)
			if err == nil {
				if there, err := partial.Exists(blob); err == nil && there {
					return nil
				}
			}
			mu.Lock()
			defer mu.Unlock()
			found[layer.Digest] = layer.Size
			return nil
		})
	}
	_ = work.Wait() // none fails
	return found, ctx.Err()
}

// upload writes the image, of which these layers are missing, by its digest, and returns that. Where the network or the
// registry fails in the middle, it goes on for as long as that gets anywhere: what has arrived is not sent again.
func (r *Registry) upload(ctx context.Context, repository string, image v1.Image, missing lacks, held holders, report flow.Report) (string, error) {
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	repo, err := name.NewRepository(repository)
	if err != nil {
		return "", err
	}
	const most = 2 // rounds in which nothing more arrives
	for vain := 0; ; {
		err = r.write(ctx, repo.Digest(digest.String()), partly{image, missing, repo, held}, report)
		left, looked := r.missing(ctx, repository, image)
		if err == nil && looked == nil && len(left) > 0 {
			return "", fmt.Errorf("the registry took %s, and now lacks %s of it", short(digest.String()), Bytes(left.bytes()))
		}
		if left.bytes() >= missing.bytes() {
			vain++
		}
		if err == nil || looked != nil || refused(err) || vain == most {
			return digest.String(), errors.Join(err, looked)
		}
		missing = left
		fmt.Fprintf(report, "the push was cut off, it goes on: %v\n", err)
	}
}

// refused tells whether asking again would be answered the same.
func refused(err error) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode < http.StatusInternalServerError && !answer.Temporary()
}

// write uploads what is missing.
func (r *Registry) write(ctx context.Context, to name.Digest, image v1.Image, report flow.Report) error {
	updates := make(chan v1.Update, 16)
	told := make(chan struct{})
	go func() {
		defer close(told)
		for u := range updates {
			if u.Error == nil {
				report.Progress("push "+to.Context().Name(), u.Complete, u.Total)
			}
		}
	}()
	err := remote.Write(to, image, append(r.options(ctx), remote.WithProgress(updates))...)
	<-told
	return err
}
