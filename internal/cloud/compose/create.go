package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// A blueprint is everything that a container is made from.
type blueprint struct {
	name     string
	config   *container.Config
	host     *container.HostConfig
	networks map[string]*network.EndpointSettings
}

// blueprint returns what it takes to make a container like c from another image.
func (s *Stack) blueprint(ctx context.Context, c *container.InspectResponse, from *image) (*blueprint, error) {
	before, err := s.engine.ImageInspect(ctx, c.Image)
	if errdefs.IsNotFound(err) {
		return nil, flow.Hint(fmt.Errorf("the image that %s was made from is gone from the engine: nobody can tell its own settings from that image's", nameOf(c)),
			"docker pull "+c.Config.Image+" where the stack runs")
	}
	if err != nil {
		return nil, s.reach("inspect the image of "+nameOf(c), err)
	}
	config := own(c, before.Config)
	config.Image = from.ref
	if _, is := config.Labels[labelImage]; is {
		config.Labels[labelImage] = from.ID
	}
	host := *c.HostConfig
	host.Mounts = mounts(c)
	host.Links = links(host.Links)
	return &blueprint{name: nameOf(c), config: config, host: &host, networks: networks(c)}, nil
}

// mounts carries the volumes over, those without a name of their own too: a new container would get new ones.
func mounts(c *container.InspectResponse) []mount.Mount {
	all := slices.Clone(c.HostConfig.Mounts)
	for _, m := range c.Mounts {
		if m.Type != mount.TypeVolume || bound(c.HostConfig.Binds, m.Destination) {
			continue
		}
		i := slices.IndexFunc(all, func(o mount.Mount) bool { return path.Clean(o.Target) == m.Destination })
		if i >= 0 {
			all[i].Source = m.Name
			continue
		}
		all = append(all, mount.Mount{Type: mount.TypeVolume, Source: m.Name, Target: m.Destination, ReadOnly: !m.RW})
	}
	return all
}

// bound tells whether a bind (source:destination[:options]) is mounted there.
func bound(binds []string, destination string) bool {
	return slices.ContainsFunc(binds, func(b string) bool {
		fields := strings.Split(b, ":")
		return len(fields) > 1 && path.Clean(fields[1]) == destination
	})
}

// links turns what an engine shows (/db:/web/alias) into what it accepts (db:alias).
func links(shown []string) []string {
	var accepted []string
	for _, link := range shown {
		target, alias, _ := strings.Cut(link, ":")
		accepted = append(accepted, strings.TrimPrefix(target, "/")+":"+alias[strings.LastIndex(alias, "/")+1:])
	}
	return accepted
}

// networks returns what was configured for each network, without what the engine assigned.
func networks(c *container.InspectResponse) map[string]*network.EndpointSettings {
	mode := c.HostConfig.NetworkMode
	if mode.IsHost() || mode.IsNone() || mode.IsContainer() || c.NetworkSettings == nil {
		return nil
	}
	all := map[string]*network.EndpointSettings{}
	for name, e := range c.NetworkSettings.Networks {
		// Older engines show a container's own short id among its aliases.
		aliases := slices.DeleteFunc(slices.Clone(e.Aliases), func(a string) bool { return a == shortID(c) })
		all[name] = &network.EndpointSettings{IPAMConfig: e.IPAMConfig.Copy(), Links: e.Links, Aliases: aliases,
			DriverOpts: e.DriverOpts, GwPriority: e.GwPriority}
	}
	return all
}

func shortID(c *container.InspectResponse) string { return c.ID[:min(len(c.ID), 12)] }

// create makes the container. An engine before 25 takes one network; it is connected to the others afterwards.
func (s *Stack) create(ctx context.Context, b *blueprint) (id string, err error) {
	first := &network.NetworkingConfig{}
	rest := maps.Clone(b.networks)
	if name := b.host.NetworkMode.NetworkName(); rest[name] != nil {
		first.EndpointsConfig = map[string]*network.EndpointSettings{name: rest[name]}
		delete(rest, name)
	}
	o := client.ContainerCreateOptions{Name: b.name, Config: b.config, HostConfig: b.host, NetworkingConfig: first}
	made, err := s.engine.ContainerCreate(ctx, o)
	if err != nil {
		return "", s.reach("create "+b.name, err)
	}
	for _, name := range slices.Sorted(maps.Keys(rest)) {
		to := client.NetworkConnectOptions{Container: made.ID, EndpointConfig: rest[name]}
		if _, err := s.engine.NetworkConnect(ctx, name, to); err != nil {
			return made.ID, s.reach("connect "+b.name+" to "+name, err)
		}
	}
	return made.ID, nil
}

// movable refuses what can't be made again from its settings, before anything is touched.
func (s *Stack) movable(ctx context.Context, slots []*slot) error {
	list, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true})
	if err != nil {
		return s.reach("list the containers", err)
	}
	for _, slot := range slots {
		for _, other := range list.Items {
			shared := container.NetworkMode(other.HostConfig.NetworkMode).ConnectedContainer()
			if shared == slot.old.ID || shared == slot.name {
				return flow.Hint(fmt.Errorf("%s shares the network of %s, and would lose it", strings.Join(other.Names, ", "), slot.name),
					"redeploy the two together, with compose")
			}
		}
		if fixed, err := s.fixedMAC(ctx, slot.old.ID); err != nil || fixed {
			return flow.Hint(errOr(err, fmt.Errorf("%s has a fixed MAC address, which can't be carried over", slot.name)), "redeploy it with compose")
		}
	}
	return nil
}

// fixedMAC looks for a setting that the client's own type no longer has.
func (s *Stack) fixedMAC(ctx context.Context, id string) (bool, error) {
	c, err := s.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return false, s.reach("inspect "+id, err)
	}
	var raw struct{ Config struct{ MacAddress string } }
	err = json.Unmarshal(c.Raw, &raw)
	return raw.Config.MacAddress != "", err
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
