package compose

import (
	"context"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// An image is what a reference pins: it is on the engine.
type image struct {
	ref    string // repo:tag@sha256:…
	tagged string // repo:tag
	digest string
	client.ImageInspectResult
}

// image returns what ref pins, and pulls it by its digest where the engine does not have it.
func (s *Stack) image(ctx context.Context, ref string, report flow.Report) (*image, error) {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", ref, err)
	}
	pinned, ok := named.(reference.Digested)
	if !ok {
		return nil, fmt.Errorf("%q names no digest", ref)
	}
	name := reference.FamiliarName(named)
	i := &image{ref: ref, digest: pinned.Digest().String(), tagged: name + ":latest"}
	if tagged, ok := named.(reference.Tagged); ok {
		i.tagged = name + ":" + tagged.Tag()
	}
	exact := name + "@" + i.digest
	i.ImageInspectResult, err = s.engine.ImageInspect(ctx, exact)
	if errdefs.IsNotFound(err) {
		if err := s.pull(ctx, name, exact, report); err != nil {
			return nil, err
		}
		i.ImageInspectResult, err = s.engine.ImageInspect(ctx, exact)
	}
	if err != nil {
		return nil, s.reach("inspect "+exact, err)
	}
	return i, nil
}

// pull has the engine fetch an image by its digest.
func (s *Stack) pull(ctx context.Context, repository, exact string, report flow.Report) error {
	o := client.ImagePullOptions{}
	if s.auth != nil {
		auth, err := s.auth(ctx, repository)
		if err != nil {
			return fmt.Errorf("credentials for %s: %w", repository, err)
		}
		o.RegistryAuth = auth
	}
	fmt.Fprintf(report, "pulling %s\n", exact)
	response, err := s.engine.ImagePull(ctx, exact, o)
	if err != nil {
		return s.pullFailed(exact, err)
	}
	defer response.Close()
	for message, err := range response.JSONMessages(ctx) {
		switch {
		case err != nil:
			return s.pullFailed(exact, err)
		case message.Error != nil:
			return s.pullFailed(exact, message.Error)
		case message.Progress != nil && message.Progress.Total > 0:
			report.Progress(message.Status+" "+message.ID, message.Progress.Current, message.Progress.Total)
		}
	}
	return nil
}

func (s *Stack) pullFailed(exact string, err error) error {
	failed := s.reach("pull "+exact, err)
	said := strings.ToLower(err.Error())
	host, _, _ := strings.Cut(exact, "/")
	switch {
	case strings.Contains(said, "unauthorized"), strings.Contains(said, "denied"), strings.Contains(said, "auth"):
		return flow.Hint(failed, "docker login "+host)
	case strings.Contains(said, "manifest unknown"), strings.Contains(said, "not found"):
		return flow.Hint(failed, "the registry does not have it: push it again")
	}
	return failed
}
