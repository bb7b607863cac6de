package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"hotfix/internal/flow"
)

// build makes one image: built, tried, exported, kept.
func (i Images) build(ctx context.Context, spec ImageSpec, planned *patched, report flow.Report) error {
	unlock, err := i.Directory.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	stamp, err := i.current(ctx, planned)
	if err != nil {
		return err
	}
	if err := i.cleared(ctx, stamp.Content); err != nil {
		return err
	}
	draft, err := i.Cache.draft(spec.Name, i.Commit)
	if err != nil {
		return err
	}
	defer draft.discard()
	start := time.Now()
	digest, err := i.make(ctx, spec, stamp.Content, planned, draft, report)
	if err != nil {
		return err
	}
	if again, err := i.Directory.Content(ctx); err != nil || again != stamp.Content {
		return errors.Join(err, fmt.Errorf("%s was changed while %s was built", i.Directory.Path, spec.Name))
	}
	fmt.Fprintf(report, "%s is %s, made in %.1f s\n", spec.Repository, digest, time.Since(start).Seconds())
	report.Fact("image "+spec.Repository, digest.String())
	return draft.keep()
}

// current is the directory's stamp, once the directory is proven to be as that says. Where the plan has read it, that
// is done: each file is read against its digest, and all are looked at again when the image is made.
func (i Images) current(ctx context.Context, planned *patched) (Stamp, error) {
	if planned != nil {
		if stamp, synced, err := i.Directory.holds(i.Commit); err == nil && synced && stamp.Content == planned.content {
			return stamp, nil
		}
	}
	return i.Directory.current(ctx, i.Commit)
}

// make takes the short road where it is open, else the long one. What was planned of the same content is still so.
func (i Images) make(ctx context.Context, spec ImageSpec, content string, planned *patched, draft *draft, report flow.Report) (v1.Hash, error) {
	if planned != nil && planned.content == content && spec.Filter == "" {
		return i.patch(ctx, planned, spec, content, draft, report)
	}
	temporary, err := os.MkdirTemp("", "hotfix-build-")
	if err != nil {
		return v1.Hash{}, err
	}
	defer os.RemoveAll(temporary)
	p, err := i.patched(ctx, spec, temporary)
	if err == nil {
		return i.patch(ctx, p, spec, content, draft, report)
	}
	if ctx.Err() != nil {
		return v1.Hash{}, ctx.Err()
	}
	fmt.Fprintf(report, "full build: %v\n", err)
	id, err := i.solve(ctx, spec, content, report)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("build %s: %w", spec.Dockerfile, err)
	}
	if err := smoke(ctx, i.Engine, id, spec, report); err != nil {
		return v1.Hash{}, err
	}
	digest, err := i.export(ctx, id, spec, draft, report)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("take %s out of the engine: %w", spec.Name, err)
	}
	return digest, nil
}

// cleared refuses content that nobody verified.
func (i Images) cleared(ctx context.Context, content string) error {
	if i.Cleared == nil {
		return nil
	}
	ok, err := i.Cleared(ctx, content)
	if err != nil || ok {
		return err
	}
	return flow.Hint(fmt.Errorf("content %s was not verified", short(content)),
		"run hotfix deploy again: it verifies first; or leave it out: --skip verify --reason …")
}

func (i Images) labels(content string) map[string]string {
	return map[string]string{
		LabelRevision: i.Commit,
		LabelVersion:  i.Version,
		LabelCreated:  i.Created.UTC().Format(time.RFC3339),
		LabelSource:   withoutCredentials(i.Source),
		LabelContent:  content,
	}
}

// deployed returns the image that is deployed from the repository, or nil: its layers save work, no more.
func (i Images) deployed(ctx context.Context, repository string, report flow.Report) v1.Image {
	if i.Deployed == nil {
		return nil
	}
	image, err := i.Deployed(ctx, repository)
	var answer *transport.Error
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	}
	if err != nil {
		fmt.Fprintf(report, "the deployed image can't be read, all layers will be pushed anew: %v\n", err)
		return nil
	}
	return image
}

// localTag is what the image is called on the local engine, where BuildKit's cache hangs on it.
func localTag(name, commit string) string {
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	return "hotfix-build/" + strings.Trim(strings.Map(plain, strings.ToLower(name)), "-") + ":" + commit
}
