package compose

import (
	"maps"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"hotfix/internal/cloud"
)

// oneOff turns a service's blueprint into a job's: the command instead of the entrypoint, as in a shell; nobody can
// take it for the service, by name, address, port or health; it ends when it ends.
func (b *blueprint) oneOff(spec cloud.JobSpec) {
	c, h := b.config, b.host
	c.Entrypoint, c.Cmd = []string{}, spec.Command
	c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	c.Hostname, c.ExposedPorts = "", nil
	c.Tty, c.OpenStdin, c.StdinOnce, c.AttachStdin = false, false, false, false
	c.Labels[labelOneOff], c.Labels[labelJob] = "True", spec.Key
	maps.DeleteFunc(c.Labels, func(name, _ string) bool {
		return name == labelReplaces || name == labelName || name == labelWasUp
	})
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		c.Env = slices.DeleteFunc(c.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		c.Env = append(c.Env, name+"="+spec.Env[name])
	}
	h.PortBindings, h.PublishAllPorts, h.AutoRemove = nil, false, false
	h.RestartPolicy = container.RestartPolicy{Name: container.RestartPolicyDisabled}
	if h.LogConfig.Type == "none" {
		h.LogConfig = container.LogConfig{Type: "json-file"} // what it printed is the record
	}
	for name, e := range b.networks {
		b.networks[name] = &network.EndpointSettings{Links: e.Links, DriverOpts: e.DriverOpts, GwPriority: e.GwPriority}
	}
}
