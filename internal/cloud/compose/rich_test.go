package compose_test

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
)

// rich gives a container everything that must survive: networks, addresses, aliases, volumes, ports, limits.
func (p *project) rich() func(*client.ContainerCreateOptions) {
	ctx := p.t.Context()
	labels := map[string]string{"com.docker.compose.project": p.name}
	address := p.network("a")
	p.network("b")
	_, err := p.engine.VolumeCreate(ctx, client.VolumeCreateOptions{Name: p.name + "_data", Labels: labels})
	p.must(err)
	return func(o *client.ContainerCreateOptions) {
		c, h := o.Config, o.HostConfig
		c.Env = []string{"DB_HOST=db", "MODE="} // MODE as the image has it
		c.Labels["team"] = "shop"
		c.ExposedPorts = network.PortSet{network.MustParsePort("8080/tcp"): {}}
		h.PortBindings = network.PortMap{network.MustParsePort("8080/tcp"): {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: "0"}}}
		h.Binds = []string{p.name + "_data:/data:rw"}
		h.Mounts = []mount.Mount{{Type: mount.TypeVolume, Target: "/unnamed"}}
		h.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyUnlessStopped}
		h.Memory, h.Tmpfs, h.ExtraHosts = 128<<20, map[string]string{"/tmp": ""}, []string{"mail:10.1.2.3"}
		h.NetworkMode = container.NetworkMode(p.name + "_a")
		o.NetworkingConfig.EndpointsConfig = map[string]*network.EndpointSettings{p.name + "_a": {
			Aliases: []string{"web", "www"}, IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: address}}}
	}
}

// network makes a network with a subnet of its own, and returns an address in it.
func (p *project) network(suffix string) netip.Addr {
	p.t.Helper()
	labels := map[string]string{"com.docker.compose.project": p.name}
	for {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(128 + rand.IntN(100)), byte(rand.IntN(256)), 0}), 24)
		_, err := p.engine.NetworkCreate(p.t.Context(), p.name+"_"+suffix, client.NetworkCreateOptions{Labels: labels,
			IPAM: &network.IPAM{Config: []network.IPAMConfig{{Subnet: subnet}}}})
		if err != nil && strings.Contains(err.Error(), "overlap") {
			continue
		}
		p.must(err)
		address := subnet.Addr().As4()
		address[3] = 77
		return netip.AddrFrom4(address)
	}
}

// settings are what an inspect shows, without what must differ: ids, times, the image and what follows from it.
func (p *project) settings(c container.InspectResponse) string {
	p.t.Helper()
	config := *c.Config
	config.Image, config.Env = "", nil
	if config.Hostname == c.ID[:12] {
		config.Hostname = ""
	}
	config.Labels = map[string]string{}
	for name, value := range c.Config.Labels {
		if !strings.HasPrefix(name, "hotfix.") && name != "com.docker.compose.image" && !strings.HasPrefix(name, "org.opencontainers") {
			config.Labels[name] = value
		}
	}
	host := *c.HostConfig
	host.Mounts = nil // Mounts below holds what comes of them
	mounts := slices.Clone(c.Mounts)
	for i := range mounts {
		mounts[i].Mode = ""
	}
	slices.SortFunc(mounts, func(a, b container.MountPoint) int { return strings.Compare(a.Destination, b.Destination) })
	networks := map[string]any{}
	for name, e := range c.NetworkSettings.Networks {
		aliases := slices.DeleteFunc(slices.Clone(e.Aliases), func(a string) bool { return a == c.ID[:12] })
		networks[name] = map[string]any{"aliases": aliases, "ipam": e.IPAMConfig, "links": e.Links}
	}
	out, err := json.MarshalIndent(map[string]any{"name": c.Name, "config": config, "host": host, "mounts": mounts, "networks": networks}, "", " ")
	p.must(err)
	return string(out)
}
