package sandbox

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// stackLabel is what `docker stack deploy` marks what belongs to a stack with.
const stackLabel = "com.docker.stack.namespace"

// sitePort is where the nodes publish web.
const sitePort = 8080

// Swarm moves the live stack onto a cluster of three: the database to the first node, phpfiles with its volume to the
// second, two each of phpha and web wherever they fit, behind a balancer at the old address. The nodes reach the
// registry under its own name, and each has a docker context that is named like it. It ends with ctx.
func (w *World) Swarm(ctx context.Context, c *Cluster) error {
	specs, err := w.swarmSpecs(ctx, c)
	if err != nil {
		return err
	}
	if err := w.removeLabelled(ctx, make(client.Filters).Add("label", api.ProjectLabel+"="+w.Stack)); err != nil {
		return err
	}
	w.cluster = c
	if err := w.connect(ctx, c); err != nil {
		return err
	}
	manager := c.Nodes[0].Engine
	if _, err := manager.NetworkCreate(ctx, w.Stack+"_default", client.NetworkCreateOptions{
		Driver: "overlay", Scope: "swarm", Attachable: true, Labels: map[string]string{stackLabel: w.Stack}}); err != nil {
		return fmt.Errorf("make the stack's network: %w", err)
	}
	auth, err := w.Registry.Auth()
	if err != nil {
		return err
	}
	for _, spec := range specs {
		o := client.ServiceCreateOptions{Spec: spec, EncodedRegistryAuth: auth, QueryRegistry: true} // its digest is pinned, as the CLI does
		if _, err := manager.ServiceCreate(ctx, o); err != nil {
			return fmt.Errorf("create %s: %w", spec.Name, err)
		}
	}
	return w.settle(ctx, specs)
}

// swarmSpecs are the services as the compose project has them, on a swarm.
func (w *World) swarmSpecs(ctx context.Context, c *Cluster) (specs []swarm.ServiceSpec, err error) {
	for _, service := range []string{"localdb", "phpfiles", "phpha", "web"} {
		at, err := w.place(ctx, service)
		if err != nil {
			return nil, err
		}
		found, err := at.engine.ContainerInspect(ctx, at.container, client.ContainerInspectOptions{})
		if err != nil {
			return nil, err
		}
		specs = append(specs, w.swarmSpec(service, found.Container))
	}
	database, files, web := &specs[0], &specs[1], &specs[3]
	if database.TaskTemplate.ContainerSpec.Image, err = w.share(ctx, database.TaskTemplate.ContainerSpec.Image); err != nil {
		return nil, err
	}
	database.TaskTemplate.Placement = &swarm.Placement{Constraints: []string{"node.hostname==" + c.Nodes[0].Name}}
	files.TaskTemplate.Placement = &swarm.Placement{Constraints: []string{"node.hostname==" + c.Nodes[1].Name}}
	web.EndpointSpec.Ports = []swarm.PortConfig{{Protocol: network.TCP, TargetPort: 80, PublishedPort: sitePort, PublishMode: swarm.PortConfigPublishModeHost}}
	for _, more := range specs[2:] {
		two := uint64(2)
		more.Mode.Replicated.Replicas = &two
	}
	return specs, nil
}

func (w *World) swarmSpec(service string, was container.InspectResponse) swarm.ServiceSpec {
	labels := map[string]string{stackLabel: w.Stack}
	one := uint64(1)
	spec := &swarm.ContainerSpec{Image: was.Config.Image, Env: was.Config.Env, Healthcheck: was.Config.Healthcheck, Labels: labels}
	for _, m := range was.Mounts {
		volume := w.Stack + "_" + strings.Trim(strings.ReplaceAll(m.Destination, "/", "-"), "-")
		spec.Mounts = append(spec.Mounts, mount.Mount{Type: mount.TypeVolume, Source: volume, Target: m.Destination})
	}
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: w.Stack + "_" + service, Labels: labels},
		TaskTemplate: swarm.TaskSpec{ContainerSpec: spec, RestartPolicy: &swarm.RestartPolicy{Delay: new(time.Duration)},
			Networks: []swarm.NetworkAttachmentConfig{{Target: w.Stack + "_default", Aliases: []string{service}}}},
		Mode:         swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &one}},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR},
	}
}

// share pushes an image of this engine to the world's registry, and returns its name there.
func (w *World) share(ctx context.Context, image string) (string, error) {
	auth, err := w.Registry.Auth()
	if err != nil {
		return "", err
	}
	name := w.Registry.Host + "/" + image
	if _, err := w.Engine.ImageTag(ctx, client.ImageTagOptions{Source: image, Target: name}); err != nil {
		return "", err
	}
	return name, push(ctx, w.Engine, name, auth)
}

// settle waits until every service runs as it should, and makes its database.
func (w *World) settle(ctx context.Context, specs []swarm.ServiceSpec) error {
	for _, spec := range specs {
		want, service := int(*spec.Mode.Replicated.Replicas), strings.TrimPrefix(spec.Name, w.Stack+"_")
		err := await(ctx, 3*time.Minute, spec.Name, func() error {
			places, err := w.places(ctx, service)
			if err == nil && len(places) != want {
				err = fmt.Errorf("%d of %d run", len(places), want)
			}
			for _, p := range places {
				found, inspect := p.engine.ContainerInspect(ctx, p.container, client.ContainerInspectOptions{})
				if inspect != nil {
					return inspect
				}
				if h := found.Container.State.Health; h != nil && h.Status != container.Healthy {
					err = fmt.Errorf("it is %s", h.Status)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return w.migrate(ctx)
}
