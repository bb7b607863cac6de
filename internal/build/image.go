package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// ImageSpec is an image that is built from the build directory.
type ImageSpec struct {
	Name       string // in hotfix.yml
	Repository string // registry.example.com/acme/acme-web-src-php
	Dockerfile string // relative to the build directory
	Ignore     string // an ignore file; empty: what docker would use
	Filter     string // or a file of rsync's filter rules, applied by rsync
	Smoke      []string
	Allow      []string // patterns of files that look like secrets and may enter the image all the same
}

// Images is the phase that makes the images of the verified directory, into the cache: the deployed image and one
// layer of what changed, where that is proven to be the same, else a build on the local engine.
type Images struct {
	Directory Directory
	Specs     []ImageSpec
	Tag       string    // what they will be pushed under, to be shown
	Commit    string    // full
	Version   string    // of the hotfix
	Created   time.Time // the commit's time: nothing in an image is younger
	Source    string    // the remote's URL; credentials in it are left out
	Engine    client.APIClient
	Cache     Cache
	// Deployed returns the image that is deployed from a repository: layers that it has are taken from it.
	// Its error is an fs.ErrNotExist where there is none. It may be nil.
	Deployed func(ctx context.Context, repository string) (v1.Image, error)
	// Cleared tells whether this content was verified, or not verified for a reason on the record:
	// Evidence.Cleared. It is nil where no verification is configured.
	Cleared   func(ctx context.Context, content string) (bool, error)
	Published Published
	// Full builds every image in full, on its base as it is now: no patching.
	Full bool
	// Baseline returns the commit that the deployed images were made of; nil: nothing is deployed.
	Baseline func(ctx context.Context) (commit string, err error)
	History  History
	Prepared []string // what prepare commands make in the directory: no commit explains it
	Contents Contents
	// Listings returns what is kept beside an image of the type ListingType. It may be nil.
	Listings func(ctx context.Context, repository string, of v1.Image) ([]v1.Image, error)
}

// The labels of an image that tell what it was made of.
const (
	LabelRevision = "org.opencontainers.image.revision" // the full commit
	LabelVersion  = "org.opencontainers.image.version"  // the hotfix's
	LabelCreated  = "org.opencontainers.image.created"  // the commit's time
	LabelSource   = "org.opencontainers.image.source"
	LabelContent  = "hotfix.content" // the digest of the directory
)

// Name implements flow.Phase.
func (i Images) Name() string { return "build" }

// Checks prove that there is an engine, and rsync where it is needed.
func (i Images) Checks() []flow.Check {
	if len(i.Specs) == 0 {
		return nil
	}
	checks := []flow.Check{engineCheck(i.Engine)}
	for _, spec := range i.Specs {
		if spec.Filter != "" {
			return append(checks, flow.Check{What: "rsync, for " + spec.Filter, Do: rsyncVersion})
		}
	}
	return checks
}

// Plan looks for the images of this content in the cache.
func (i Images) Plan(ctx context.Context) ([]flow.Action, error) {
	if len(i.Specs) == 0 {
		return nil, flow.Nothing("no `images` in hotfix.yml")
	}
	if err := whenPublished(ctx, i.Published); err != nil {
		return nil, err
	}
	stamp, synced, err := i.Directory.holds(i.Commit)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, spec := range i.Specs {
		if synced {
			built, err := i.built(ctx, spec, stamp.Content)
			if err != nil {
				return nil, err
			}
			if built {
				continue
			}
		}
		what, details := i.what(spec), spec.details()
		var planned *patched
		if synced {
			if what, details, planned, err = i.road(ctx, spec); err != nil {
				return nil, err
			}
		}
		actions = append(actions, flow.Action{What: what, Details: details, Asks: planned.asks(), Do: func(ctx context.Context, report flow.Report) error {
			return i.build(ctx, spec, planned, report)
		}})
	}
	if len(actions) == 0 {
		return nil, flow.Nothing(fmt.Sprintf("the images of %s are in the cache", short(i.Commit)))
	}
	return actions, nil
}

// built tells whether the cache holds this image of this content.
func (i Images) built(ctx context.Context, spec ImageSpec, content string) (bool, error) {
	image, err := i.Cache.Image(ctx, spec.Name, i.Commit)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return false, err
	}
	return config.Config.Labels[LabelContent] == content, nil
}

func (i Images) what(spec ImageSpec) string {
	return fmt.Sprintf("build %s:%s from %s", spec.Repository, i.Tag, spec.Dockerfile)
}

func (s ImageSpec) details() []string {
	var lines []string
	if s.Filter != "" {
		lines = append(lines, "of what rsync's rules in "+s.Filter+" let through")
	}
	if s.Ignore != "" {
		lines = append(lines, "without what "+s.Ignore+" names")
	}
	if len(s.Smoke) > 0 {
		lines = append(lines, "smoke: "+strings.Join(s.Smoke, " "))
	}
	return lines
}
