package compose

import (
	"maps"
	"slices"
	"strings"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// own returns what was configured for a container, without what came with its image: the next image brings its own.
// A setting that equals the image's counts as the image's. This undoes the merge that the engine does when it
// creates a container.
func own(c *container.InspectResponse, image *dockerspec.DockerOCIImageConfig) *container.Config {
	if image == nil {
		image = &dockerspec.DockerOCIImageConfig{}
	}
	config := *c.Config
	config.Env = slices.DeleteFunc(slices.Clone(config.Env), func(e string) bool { return slices.Contains(image.Env, e) })
	config.Labels = ownLabels(config.Labels, image.Labels)
	config.ExposedPorts = ownPorts(c, image.ExposedPorts)
	config.Volumes = maps.Clone(config.Volumes)
	maps.DeleteFunc(config.Volumes, func(path string, _ struct{}) bool { _, is := image.Volumes[path]; return is })
	config.Healthcheck = ownHealthcheck(config.Healthcheck, image.Healthcheck)
	if slices.Equal(config.Entrypoint, image.Entrypoint) {
		config.Entrypoint = nil
	}
	if len(config.Entrypoint) == 0 && slices.Equal(config.Cmd, image.Cmd) {
		config.Cmd = nil
	}
	config.User = unless(config.User, image.User)
	config.WorkingDir = unless(config.WorkingDir, image.WorkingDir)
	config.StopSignal = unless(config.StopSignal, image.StopSignal)
	mode := c.HostConfig.NetworkMode
	if generated := config.Hostname == shortID(c); generated || mode.IsHost() || mode.IsContainer() || c.HostConfig.UTSMode.IsHost() {
		config.Hostname = ""
	}
	return &config
}

// unless returns a setting, or nothing where it is the image's.
func unless(setting, image string) string {
	if setting == image {
		return ""
	}
	return setting
}

// ownLabels keeps compose's even where the image has them too: compose labels what it builds.
func ownLabels(labels, image map[string]string) map[string]string {
	labels = maps.Clone(labels)
	maps.DeleteFunc(labels, func(name, value string) bool {
		theirs, is := image[name]
		return is && theirs == value && !strings.HasPrefix(name, "com.docker.compose.")
	})
	return labels
}

// ownPorts keeps the published ones even where the image exposes them too.
func ownPorts(c *container.InspectResponse, image map[string]struct{}) network.PortSet {
	ports := maps.Clone(c.Config.ExposedPorts)
	for name := range image {
		port, err := network.ParsePort(name)
		if _, published := c.HostConfig.PortBindings[port]; err == nil && !published {
			delete(ports, port)
		}
	}
	return ports
}

// ownHealthcheck drops the fields that are the image's, as the engine fills them one by one.
func ownHealthcheck(check, image *container.HealthConfig) *container.HealthConfig {
	if check == nil || image == nil {
		return check
	}
	own := *check
	if slices.Equal(own.Test, image.Test) {
		own.Test = nil
	}
	own.Interval = other(own.Interval, image.Interval)
	own.Timeout = other(own.Timeout, image.Timeout)
	own.StartPeriod = other(own.StartPeriod, image.StartPeriod)
	own.StartInterval = other(own.StartInterval, image.StartInterval)
	own.Retries = other(own.Retries, image.Retries)
	if own.Test == nil && own.Interval+own.Timeout+own.StartPeriod+own.StartInterval == 0 && own.Retries == 0 {
		return nil
	}
	return &own
}

// other is unless, for numbers.
func other[T comparable](setting, image T) T {
	if setting == image {
		var none T
		return none
	}
	return setting
}
