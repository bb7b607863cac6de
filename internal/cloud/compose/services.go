package compose

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
)

// Services implements cloud.Stack.
func (s *Stack) Services(ctx context.Context) ([]cloud.Service, error) {
	all, err := s.containers(ctx, "")
	if err != nil {
		return nil, err
	}
	images := images{stack: s, known: map[string]client.ImageInspectResult{}}
	var services []cloud.Service
	for _, slot := range arrange(all) {
		name := slot.old.Config.Labels[labelService]
		i := slices.IndexFunc(services, func(s cloud.Service) bool { return s.Name == name })
		first := i < 0
		if first {
			i = len(services)
			services = append(services, cloud.Service{Name: name, Completed: true})
		}
		if err := images.add(ctx, &services[i], slot, first); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(services, func(a, b cloud.Service) int { return strings.Compare(a.Name, b.Name) })
	return services, nil
}

// images looks every image up once.
type images struct {
	stack *Stack
	known map[string]client.ImageInspectResult
}

// add counts one more container of a service.
func (m images) add(ctx context.Context, s *cloud.Service, slot *slot, first bool) error {
	c := slot.serving()
	image, err := m.of(ctx, c)
	if err != nil {
		return err
	}
	digest := digestOf(c, image)
	if first {
		s.Image, s.Digest = c.Config.Image, digest
		s.Repository, s.Tag = parts(c.Config.Image)
		if image.Config != nil {
			s.Labels = image.Config.Labels
		}
	}
	s.Containers++
	if healthy, running := condition(c); running {
		s.Running++
		if healthy {
			s.Healthy++
		}
	}
	s.Completed = s.Completed && completed(c) && !slot.interrupted()
	if digest != s.Digest {
		s.Digest, s.Detail = "", "its containers run different images"
	}
	if slot.interrupted() {
		s.Interrupted, s.Detail = true, "an update of "+slot.name+" was interrupted"
	}
	return nil
}

// of returns a container's image; empty where it was removed.
func (m images) of(ctx context.Context, c *container.InspectResponse) (client.ImageInspectResult, error) {
	if image, ok := m.known[c.Image]; ok {
		return image, nil
	}
	image, err := m.stack.engine.ImageInspect(ctx, c.Image)
	if err != nil && !errdefs.IsNotFound(err) {
		return image, m.stack.reach("inspect the image of "+nameOf(c), err)
	}
	m.known[c.Image] = image
	return image, nil
}

// digestOf returns the manifest digest that a container runs: the one it is pinned to, if its image is that, else
// the one that the engine knows its image by.
func digestOf(c *container.InspectResponse, image client.ImageInspectResult) string {
	repository, _ := parts(c.Config.Image)
	_, pinned, _ := strings.Cut(c.Config.Image, "@")
	var digests []string
	for _, known := range image.RepoDigests {
		if name, digest, ok := strings.Cut(known, "@"); ok && name == repository {
			digests = append(digests, digest)
		}
	}
	slices.Sort(digests)
	switch {
	case slices.Contains(digests, pinned):
		return pinned
	case len(digests) == 0:
		return ""
	}
	return digests[0]
}

// parts splits an image's name into repository and tag; an image that is configured by its id has none.
func parts(image string) (repository, tag string) {
	parsed, err := reference.ParseAnyReference(image)
	named, ok := parsed.(reference.Named)
	if err != nil || !ok {
		return "", ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}

// completed tells whether a container was to run once, and has.
func completed(c *container.InspectResponse) bool {
	again := c.HostConfig.RestartPolicy.IsAlways() || c.HostConfig.RestartPolicy.IsUnlessStopped()
	return c.State.Status == container.StateExited && c.State.ExitCode == 0 && !again
}

// one returns a service's running container: the first that runs.
func (s *Stack) one(ctx context.Context, service string) (*container.InspectResponse, error) {
	slots, err := s.slots(ctx, service)
	if err != nil {
		return nil, err
	}
	for _, slot := range slots {
		if c := slot.serving(); c.State.Running && !c.State.Restarting {
			return c, nil
		}
	}
	return nil, fmt.Errorf("no container of %s is running in %s", service, s.Place())
}
