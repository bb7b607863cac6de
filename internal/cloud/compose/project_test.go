package compose_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/sandbox"
)

// quick is how the tests judge an update.
var quick = cloud.Options{Monitor: 300 * time.Millisecond, Timeout: 20 * time.Second}

// A project is a compose project on the real engine, and the registry that its images come from.
type project struct {
	t          *testing.T
	engine     client.APIClient
	name       string
	repository string
	stack      *compose.Stack
	binary     v1.Layer
}

// newProject returns an empty project. It and all it leaves behind go when the test ends.
func newProject(t *testing.T) *project {
	t.Helper()
	t.Parallel()
	engine := sandbox.Engine(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	p := &project{t: t, engine: engine, name: "cloudtest-" + strings.ToLower(rand.Text()[:8])}
	p.repository = strings.TrimPrefix(server.URL, "http://") + "/acme/" + p.name
	p.stack = compose.New(engine, p.name, nil)
	p.binary = app(t)
	t.Cleanup(p.remove)
	return p
}

func (p *project) filter() client.Filters {
	return client.Filters{}.Add("label", "com.docker.compose.project="+p.name)
}

func (p *project) remove() {
	ctx := context.Background()
	list, _ := p.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: p.filter()})
	for _, c := range list.Items {
		_, _ = p.engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	networks, _ := p.engine.NetworkList(ctx, client.NetworkListOptions{Filters: p.filter()})
	for _, n := range networks.Items {
		_, _ = p.engine.NetworkRemove(ctx, n.ID, client.NetworkRemoveOptions{})
	}
	volumes, _ := p.engine.VolumeList(ctx, client.VolumeListOptions{Filters: p.filter()})
	for _, v := range volumes.Items {
		_, _ = p.engine.VolumeRemove(ctx, v.Name, client.VolumeRemoveOptions{Force: true})
	}
	images, _ := p.engine.ImageList(ctx, client.ImageListOptions{})
	for _, i := range images.Items {
		if strings.Contains(strings.Join(i.RepoDigests, " "), p.name) {
			_, _ = p.engine.ImageRemove(ctx, i.ID, client.ImageRemoveOptions{Force: true})
		}
	}
}

// checked gives an image a healthcheck.
func checked(c *v1.Config) {
	c.Healthcheck = &v1.HealthConfig{Test: []string{"CMD", "/app", "check"}, Interval: 200 * time.Millisecond,
		Timeout: 5 * time.Second, Retries: 3}
}

// up runs a container of a service as compose does.
func (p *project) up(service string, number int, ref string, more ...func(*client.ContainerCreateOptions)) string {
	p.t.Helper()
	ctx := p.t.Context()
	tagged, _, _ := strings.Cut(ref, "@")
	pulled, err := p.engine.ImagePull(ctx, tagged, client.ImagePullOptions{})
	p.must(err)
	p.must(pulled.Wait(ctx))
	image, err := p.engine.ImageInspect(ctx, tagged)
	p.must(err)
	o := client.ContainerCreateOptions{
		Name: fmt.Sprintf("%s-%s-%d", p.name, service, number),
		Config: &container.Config{Image: tagged, Labels: map[string]string{
			"com.docker.compose.project": p.name, "com.docker.compose.service": service, "com.docker.compose.oneoff": "False",
			"com.docker.compose.container-number": fmt.Sprint(number), "com.docker.compose.image": image.ID}},
		HostConfig:       &container.HostConfig{},
		NetworkingConfig: &network.NetworkingConfig{},
	}
	for _, m := range more {
		m(&o)
	}
	made, err := p.engine.ContainerCreate(ctx, o)
	p.must(err)
	_, err = p.engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{})
	p.must(err)
	return made.ID
}

// always restarts a container whatever happens.
func always(o *client.ContainerCreateOptions) {
	o.HostConfig.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyAlways}
}

func (p *project) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// service returns what the stack says of a service.
func (p *project) service(name string) cloud.Service {
	p.t.Helper()
	services, err := p.stack.Services(p.t.Context())
	p.must(err)
	for _, s := range services {
		if s.Name == name {
			return s
		}
	}
	p.t.Fatalf("there is no service %s in %v", name, services)
	return cloud.Service{}
}

// all returns every container of the project.
func (p *project) all() []container.InspectResponse {
	p.t.Helper()
	list, err := p.engine.ContainerList(p.t.Context(), client.ContainerListOptions{All: true, Filters: p.filter()})
	p.must(err)
	var all []container.InspectResponse
	for _, item := range list.Items {
		all = append(all, p.inspect(item.ID))
	}
	return all
}

func (p *project) inspect(id string) container.InspectResponse {
	p.t.Helper()
	c, err := p.engine.ContainerInspect(p.t.Context(), id, client.ContainerInspectOptions{})
	p.must(err)
	return c.Container
}

// is fails the test unless the service is as said, settled, and nothing else of the project is left over.
func (p *project) is(service, ref string, containers int) {
	p.t.Helper()
	s := p.service(service)
	for end := time.Now().Add(15 * time.Second); s.Healthy != containers && time.Now().Before(end); s = p.service(service) {
		time.Sleep(50 * time.Millisecond) // what was put back takes its time on a slow machine
	}
	_, digest, _ := strings.Cut(ref, "@")
	if s.Digest != digest || s.Interrupted || s.Healthy != containers {
		p.t.Errorf("%s: %+v, want %s, settled and %d healthy", service, s, digest, containers)
	}
	var names []string
	for _, c := range p.all() {
		names = append(names, c.Name)
	}
	if len(names) != containers {
		p.t.Errorf("containers %v, want %d", names, containers)
	}
	for i := range containers {
		if want := fmt.Sprintf("/%s-%s-%d", p.name, service, i+1); !strings.Contains(strings.Join(names, " ")+" ", want+" ") {
			p.t.Errorf("no container is called %s: %v", want, names)
		}
	}
}
