package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/flow"
)

// A Target is where an image goes.
type Target struct {
	Name       string // in hotfix.yml
	Repository string // registry.example.com/acme/php
	Tag        string // git-commit-<hotfix commit>
}

// Ref is the target's full reference.
func (t Target) Ref() string { return t.Repository + ":" + t.Tag }

// Built gives the images that were built from the hotfix commit; fs.ErrNotExist for those that were not yet.
type Built interface {
	Image(ctx context.Context, name string) (v1.Image, error)
}

// Push uploads the images under the hotfix commit's own tag, where nothing that runs can see them. All of them
// are there, by digest, before the first is tagged.
type Push struct {
	Registry *Registry
	Targets  []Target
	Built    Built
	// Accept tells whether an image that is already there under the tag is this hotfix's, by its labels.
	Accept func(ctx context.Context, image v1.Image) error
	// Listing returns what is kept beside a built image for the next hotfix; no image where there is nothing to keep.
	// It may be nil.
	Listing func(ctx context.Context, name string) (v1.Image, error)
}

// Name implements flow.Phase.
func (p *Push) Name() string { return "push" }

// Traits implements flow.Marked.
func (p *Push) Traits() flow.Traits { return flow.Traits{Remote: true, TakeBack: true} }

// Checks implements flow.Checked: writing is proven, not assumed.
func (p *Push) Checks() []flow.Check {
	var checks []flow.Check
	for _, t := range p.Targets {
		checks = append(checks, flow.Check{What: "push permission on " + t.Repository,
			Do: func(ctx context.Context) (string, error) { return p.Registry.CheckPush(ctx, t.Repository) }})
	}
	return checks
}

// Plan implements flow.Phase.
func (p *Push) Plan(ctx context.Context) ([]flow.Action, error) {
	if len(p.Targets) == 0 {
		return nil, flow.Nothing("no `images` in hotfix.yml")
	}
	var missing []Target
	var lines []string
	for _, t := range p.Targets {
		there, err := p.there(ctx, t)
		if err != nil {
			return nil, err
		}
		if !there {
			size, err := p.size(ctx, t)
			if err != nil {
				return nil, err
			}
			missing = append(missing, t)
			lines = append(lines, t.Ref()+size)
		}
	}
	if len(missing) == 0 {
		return nil, flow.Nothing("the registry has " + p.Targets[0].Tag)
	}
	return []flow.Action{{
		What: "push " + strings.Join(lines, " and "),
		Do:   func(ctx context.Context, report flow.Report) error { return p.push(ctx, missing, report) },
	}}, nil
}

// there tells whether the registry holds this hotfix's image under the tag.
func (p *Push) there(ctx context.Context, t Target) (bool, error) {
	image, err := p.Registry.Image(ctx, t.Ref())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := p.Accept(ctx, image); err != nil {
		return false, flow.Hint(fmt.Errorf("%s is taken: %w", t.Ref(), err), "delete that tag, or give `image-tag` in hotfix.yml another shape")
	}
	return true, nil
}

// size says how much is to be uploaded.
func (p *Push) size(ctx context.Context, t Target) (string, error) {
	image, err := p.Built.Image(ctx, t.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return " (once it is built)", nil
	}
	if err != nil {
		return "", err
	}
	missing, err := p.Registry.missing(ctx, t.Repository, image)
	return " (" + Bytes(missing.bytes()) + ")", err
}

// push brings the images, and at the same time what is kept beside them: it is nobody's until the image is there.
func (p *Push) push(ctx context.Context, targets []Target, report flow.Report) error {
	besides, stop := context.WithCancel(ctx)
	defer stop()
	listings := listings{}
	err := p.images(ctx, targets, report, func(t Target, missing lacks) { listings[t] = p.beside(besides, t, missing.bytes()) })
	if err != nil {
		stop()
	}
	listings.wait(report)
	return err
}

// images uploads all by digest, then tags all.
func (p *Push) images(ctx context.Context, targets []Target, report flow.Report, started func(t Target, missing lacks)) error {
	images, digests, held := map[Target]v1.Image{}, map[Target]string{}, holders{}
	for _, t := range targets {
		image, err := p.Built.Image(ctx, t.Name)
		if err != nil {
			return fmt.Errorf("the built image %s: %w", t.Name, err)
		}
		missing, err := p.Registry.missing(ctx, t.Repository, image)
		if err != nil {
			return explain(t.Ref(), err)
		}
		started(t, missing)
		if digests[t], err = p.Registry.upload(ctx, t.Repository, image, missing, held, report); err != nil {
			return explain(t.Ref(), err)
		}
		if err := held.add(t.Repository, image); err != nil {
			return err
		}
		images[t] = image
	}
	for _, t := range targets {
		tag, err := name.NewTag(t.Ref())
		if err != nil {
			return err
		}
		if err := p.Registry.tag(ctx, tag, digests[t], images[t]); err != nil {
			return err
		}
		report.Fact("image "+t.Name, t.Ref()+"@"+digests[t])
	}
	return nil
}

// Bytes writes a size as people do, in decimal units: 82 kB.
func Bytes(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	case n < 1000*1000*1000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
