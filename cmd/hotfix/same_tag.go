package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
)

// sharing tells of other stacks that run something else under a tag: when it moves, what they get at their next
// deploy changes.
func (d *deployment) sharing(ctx context.Context, m registry.Move) ([]string, error) {
	var others []string
	for _, key := range d.file.StackNames() {
		if key == d.key {
			continue
		}
		services, err := d.servicesOf(ctx, key)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			others = append(others, fmt.Sprintf("whether %s uses the tag is not known: %v", key, err))
			continue
		}
		for _, s := range services {
			if s.Repository == m.Repository && s.Tag == m.Tag && s.Digest != m.Want {
				others = append(others, fmt.Sprintf("%s of %s runs another image under the same tag, and would get this one", s.Name, key))
			}
		}
	}
	return others, nil
}

// asPushed says of a service whether what runs is what was pushed: the hotfix's image, or the one under its tag.
func (d *deployment) asPushed(ctx context.Context, s cloud.Service) string {
	if s.Digest == "" && d.followsTags() {
		return "it follows its tag: the place does not tell which image runs"
	}
	if s.Digest == "" {
		return "its containers run several images, or one that is in no registry"
	}
	if want, err := d.release.Want(ctx, s); err == nil && want == s.Digest {
		return "as pushed for " + d.hotfix.Version
	}
	ref := s.Repository + ":" + s.Tag
	now, err := d.registry.Digest(ctx, ref)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the registry has no " + s.Tag
	case err != nil:
		return "what the registry has is not known: " + err.Error()
	case now == s.Digest:
		return "as the registry has it under " + s.Tag
	}
	return fmt.Sprintf("the registry has another image, %s, under %s", cloud.Short(now), s.Tag)
}

// hidden tells of tags under which services run different images.
func hidden(services []cloud.Service) []string {
	runs := map[string]map[string][]string{} // by reference, by digest
	for _, s := range services {
		ref := s.Repository + ":" + s.Tag
		if runs[ref] == nil {
			runs[ref] = map[string][]string{}
		}
		runs[ref][s.Digest] = append(runs[ref][s.Digest], s.Name)
	}
	var lines []string
	for ref, by := range runs {
		if len(by) < 2 {
			continue
		}
		var parts []string
		for digest, names := range by {
			parts = append(parts, fmt.Sprintf("%s on %s", strings.Join(names, ", "), named(digest)))
		}
		slices.Sort(parts)
		lines = append(lines, fmt.Sprintf("%s hides %d images: %s", ref, len(by), strings.Join(parts, "; ")))
	}
	slices.Sort(lines)
	return lines
}

func named(digest string) string {
	if digest == "" {
		return "several"
	}
	return cloud.Short(digest)
}

// tellServices notes what each service runs.
func (d *deployment) tellServices(ctx context.Context, services []cloud.Service, listen flow.Listener) {
	note := func(text string) { listen.Event(flow.Event{Kind: flow.EventNote, What: text}) }
	lines := make([]string, len(services))
	var group errgroup.Group
	for i, s := range services {
		group.Go(func() error {
			commit, err := d.runningCommit(ctx, d.file.ImageTag, s)
			if err != nil {
				commit = "unknown: " + err.Error()
			}
			lines[i] = fmt.Sprintf("%s runs %.7s, %d of %d healthy, %s (%s)", s.Name, commit, s.Healthy, s.Containers, d.asPushed(ctx, s), s.Ref(s.Digest))
			return nil
		})
	}
	_ = group.Wait() // the registry is asked about all of them at once
	for _, line := range lines {
		note(line)
	}
	for _, line := range hidden(services) {
		note(line)
	}
}
