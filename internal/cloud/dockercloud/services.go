package dockercloud

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// service is a service in full: a list leaves most of it out.
type service struct {
	object
	Image      string   `json:"image_name"`
	Containers []string `json:"containers"`
	Target     int      `json:"target_num_containers"`
	Running    int      `json:"running_num_containers"`
	Deployed   string   `json:"deployed_datetime"`
}

// container is one container of a service.
type container struct {
	object
	Service string `json:"service"`
	Image   string `json:"image_name"`
	Exit    *int   `json:"exit_code"`
	Why     string `json:"exit_code_msg"`
	Started string `json:"started_datetime"`
}

// busy tells whether something is being done to it, so that nothing may be begun.
func (s service) busy() bool { return s.is("Starting", "Scaling", "Redeploying", "Stopping") }

// Services implements cloud.Stack.
func (s *Stack) Services(ctx context.Context) ([]cloud.Service, error) {
	all, err := s.services(ctx)
	if err != nil {
		return nil, err
	}
	var services []cloud.Service
	for _, one := range all {
		detail, err := s.detail(ctx, one.UUID)
		if err != nil {
			return nil, err
		}
		described, err := s.describe(ctx, detail)
		if err != nil {
			return nil, err
		}
		services = append(services, described)
	}
	return services, nil
}

// services lists the stack's services, by name.
func (s *Stack) services(ctx context.Context) ([]object, error) {
	stack, err := s.stack(ctx)
	if err != nil {
		return nil, err
	}
	all, err := list[object](ctx, s.api, "service", url.Values{"stack": {stack.URI}})
	slices.SortFunc(all, func(a, b object) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

func (s *Stack) detail(ctx context.Context, uuid string) (one service, err error) {
	err = s.get(ctx, s.path("service", uuid), &one)
	return one, err
}

// service returns one service as it is now.
func (s *Stack) service(ctx context.Context, name string) (service, error) {
	all, err := s.services(ctx)
	if err != nil {
		return service{}, err
	}
	found := slices.DeleteFunc(all, func(o object) bool { return o.Name != name })
	switch len(found) {
	case 0:
		return service{}, flow.Refuse(fmt.Errorf("there is no service %q in %s", name, s.Place()), "see `hotfix status` for its services")
	case 1:
		return s.detail(ctx, found[0].UUID)
	}
	return service{}, flow.Refuse(fmt.Errorf("%d services of %s are called %q", len(found), s.Place(), name), "terminate or rename those that are not meant")
}

// containers returns a service's containers, but those that are gone, by name.
func (s *Stack) containers(ctx context.Context, one service) (all []container, err error) {
	for _, uri := range one.Containers {
		var c container
		if err := s.get(ctx, s.path("container", id(uri)), &c); err != nil {
			return nil, err
		}
		if !c.gone() {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b container) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// running returns a service's first running container.
func (s *Stack) running(ctx context.Context, name string) (container, error) {
	one, err := s.service(ctx, name)
	if err != nil {
		return container{}, err
	}
	all, err := s.containers(ctx, one)
	if err != nil {
		return container{}, err
	}
	for _, c := range all {
		if c.is("Running") {
			return c, nil
		}
	}
	return container{}, fmt.Errorf("no container of %s is running in %s", name, s.Place())
}

// describe returns one service as the phases see it. Docker Cloud knows no healthcheck: what runs is healthy.
func (s *Stack) describe(ctx context.Context, one service) (cloud.Service, error) {
	c := cloud.Service{Name: one.Name, Image: one.Image, Containers: one.Target, Interrupted: one.busy()}
	c.Repository, c.Tag = parts(one.Image)
	all, err := s.containers(ctx, one)
	if err != nil {
		return c, err
	}
	c.Containers = max(c.Containers, len(all))
	for _, container := range all {
		if container.is("Running") {
			c.Running++
		}
	}
	c.Healthy = c.Running
	if c.Interrupted {
		c.Detail = "it is " + strings.ToLower(one.State)
		return c, nil
	}
	if c.Digest, c.Detail, err = s.identity(ctx, c, all); err != nil || c.Digest == "" {
		return c, err
	}
	c.Labels, err = s.labels(ctx, c.Repository+"@"+c.Digest)
	return c, err
}

func (s *Stack) labels(ctx context.Context, ref string) (map[string]string, error) {
	image, err := s.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return file.Config.Labels, nil
}

// since is when the youngest of a service's containers was started.
func since(all []container) (last time.Time) {
	for _, c := range all {
		if at, err := time.Parse(time.RFC1123Z, c.Started); err == nil && at.After(last) {
			last = at
		}
	}
	return last
}

// parts splits an image's name into repository and tag.
func parts(image string) (repository, tag string) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image, ""
	}
	if tagged, ok := reference.TagNameOnly(named).(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	return reference.FamiliarName(named), tag
}
