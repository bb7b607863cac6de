package swarm

import (
	"context"
	"strings"
	"sync"

	"github.com/distribution/reference"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/api/types/swarm"
)

// An image is what its configuration says.
type image struct {
	labels  map[string]string
	checked bool // it has a healthcheck
}

// images looks every image up once, by its pinned name.
type images struct {
	stack *Stack
	lock  sync.Mutex
	known map[string]*image
}

// of returns an image: from the engine where it has it, else from its registry. What can't be read has no labels.
func (m *images) of(ctx context.Context, ref string) *image {
	m.lock.Lock()
	defer m.lock.Unlock()
	if i := m.known[ref]; i != nil {
		return i
	}
	i := m.read(ctx, ref)
	if i == nil {
		return &image{}
	}
	if strings.Contains(ref, "@") { // a tag may move
		m.known[ref] = i
	}
	return i
}

func (m *images) read(ctx context.Context, ref string) *image {
	if local, err := m.stack.engine.ImageInspect(ctx, ref); err == nil && local.Config != nil {
		i := &image{labels: local.Config.Labels}
		if h := local.Config.Healthcheck; h != nil {
			i.checked = checks(h.Test)
		}
		return i
	}
	if m.stack.Image == nil {
		return nil
	}
	var file *v1.ConfigFile
	for try := 1; file == nil; try++ { // one that can't be read is updated with a gap: it is worth asking again
		var err error
		if file, err = m.stack.config(ctx, ref); err != nil && (try == 3 || pause(ctx) != nil) {
			return nil
		}
	}
	i := &image{labels: file.Config.Labels}
	if h := file.Config.Healthcheck; h != nil {
		i.checked = checks(h.Test)
	}
	return i
}

func (s *Stack) config(ctx context.Context, ref string) (*v1.ConfigFile, error) {
	remote, err := s.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	return remote.ConfigFile()
}

// checks tells whether a healthcheck's test is one.
func checks(test []string) bool { return len(test) > 0 && test[0] != "NONE" }

// healthchecked tells whether a service waits for its tasks to be healthy.
func (s *Stack) healthchecked(ctx context.Context, spec swarm.ServiceSpec, ref string) bool {
	if h := spec.TaskTemplate.ContainerSpec.Healthcheck; h != nil && len(h.Test) > 0 {
		return checks(h.Test)
	}
	return s.images.of(ctx, ref).checked
}

// parts splits an image's name.
func parts(image string) (repository, tag, digest string) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image, "", ""
	}
	if tagged, ok := named.(reference.Tagged); ok {
		tag = tagged.Tag()
	}
	if pinned, ok := named.(reference.Digested); ok {
		digest = pinned.Digest().String()
	}
	return reference.FamiliarName(named), tag, digest
}

// digestOf is the digest that an image's name is pinned to, or empty.
func digestOf(image string) string {
	_, _, digest := parts(image)
	return digest
}
