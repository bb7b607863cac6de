package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/build"
	"hotfix/internal/cloud"
	"hotfix/internal/registry"
)

// release tells what should run: the pushed images of the hotfix commit. Whatever it says it reads from the
// registry, so that a resumed run on another machine needs to remember nothing.
type release struct {
	registry *registry.Registry
	tag      string // the hotfix commit's own
	commit   string
	evidence build.Evidence
	verifies bool // hotfix.yml has a verification
	targets  []registry.Target
	compared string // the folder of what was found equal or not
	contents build.Contents
}

func newRelease(d *deployment) *release {
	r := &release{registry: d.registry, tag: tagOf(d.file.ImageTag, d.hotfix.Commit), commit: d.hotfix.Commit,
		evidence: build.Evidence{Log: d.log, Commit: d.hotfix.Commit}, verifies: d.file.Verify != nil,
		compared: filepath.Join(d.cache, "same-content"), contents: d.contents()}
	for _, name := range d.file.ImageNames() {
		r.targets = append(r.targets, registry.Target{Name: name, Repository: d.file.Images[name].Repository, Tag: r.tag})
	}
	return r
}

// Want implements cloud.Release: the pushed digest, or the service's own where the content is the same, so that
// nothing is restarted for nothing.
func (r *release) Want(ctx context.Context, s cloud.Service) (string, error) {
	ref := s.Repository + ":" + r.tag
	image, err := r.registry.Image(ctx, ref)
	if err != nil {
		return "", err
	}
	if err := r.accept(ctx, image); err != nil {
		return "", fmt.Errorf("%s: %w", ref, err)
	}
	digest, err := image.Digest()
	if err != nil || s.Digest == "" || s.Digest == digest.String() {
		return digest.String(), err
	}
	same, err := r.same(ctx, s.Repository, s.Digest, image)
	if errors.Is(err, fs.ErrNotExist) {
		return digest.String(), nil // what runs is in no registry any more
	}
	if err != nil {
		return "", fmt.Errorf("comparing %s with what %s runs: %w", ref, s.Name, err)
	}
	if same {
		return s.Digest, nil
	}
	return digest.String(), nil
}

// same tells whether a running image has the content of a pushed one. Digests never change their content, so the
// answer is kept.
func (r *release) same(ctx context.Context, repository, running string, pushed v1.Image) (bool, error) {
	digest, err := pushed.Digest()
	if err != nil {
		return false, err
	}
	note := filepath.Join(r.compared, strings.ReplaceAll(running+"_"+digest.String(), ":", "-"))
	if answer, err := os.ReadFile(note); err == nil {
		return string(answer) == "same", nil
	}
	old, err := r.registry.Image(ctx, repository+"@"+running)
	if err != nil {
		return false, err
	}
	same, err := r.contents.Same(old, pushed)
	if err != nil {
		return false, err
	}
	answer := "different"
	if same {
		answer = "same"
	}
	if os.MkdirAll(r.compared, 0o755) == nil {
		_ = os.WriteFile(note, []byte(answer), 0o644) // kept if it can be: the next look is faster
	}
	return same, nil
}

// accept refuses an image that is not of the hotfix commit.
func (r *release) accept(_ context.Context, image v1.Image) error {
	file, err := image.ConfigFile()
	if err != nil {
		return err
	}
	labels := file.Config.Labels
	switch {
	case labels[build.LabelContent] == "":
		return errors.New("it was not built by hotfix")
	case labels[build.LabelRevision] != r.commit:
		return fmt.Errorf("it holds commit %s, not %s", short(labels[build.LabelRevision]), short(r.commit))
	}
	return nil
}

// Published implements build.Published: whether the registry holds verified images of this commit. Then there is
// nothing to sync, verify, build or push, and staging's images are production's.
func (r *release) Published(ctx context.Context) (why string, ok bool, err error) {
	for _, t := range r.targets {
		image, err := r.registry.Image(ctx, t.Ref())
		if errors.Is(err, fs.ErrNotExist) {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		if verified, err := r.verified(ctx, image); err != nil || !verified {
			return "", false, err
		}
	}
	if len(r.targets) == 0 {
		return "", false, nil
	}
	return "the registry has verified images of " + short(r.commit), true, nil
}

// verified tells whether an image is this hotfix's, and its content on record as verified, or as left out with a
// reason.
func (r *release) verified(ctx context.Context, image v1.Image) (bool, error) {
	if r.accept(ctx, image) != nil {
		return false, nil
	}
	if !r.verifies {
		return true, nil
	}
	file, err := image.ConfigFile()
	if err != nil {
		return false, err
	}
	return r.evidence.Cleared(ctx, file.Config.Labels[build.LabelContent])
}
