package build

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"hotfix/internal/flow"
)

// verifyLabel marks every container, network and volume of ours, with the compose project's name: nothing
// without it is ever removed.
const verifyLabel = "hotfix.verify"

// isolate keeps of the project the named services and what they depend on, and rewrites it so that nothing of a
// running stack of the same compose file is touched. What can't be kept apart is refused.
func (c *composition) isolate(services []string) error {
	project, err := c.project.WithSelectedServices(services)
	if err != nil {
		return flow.Refuse(fmt.Errorf("compose file: %w", err), "see the services there are: docker compose config --services")
	}
	project = project.WithoutUnnecessaryResources()
	var problems []error
	for key, volume := range project.Volumes {
		if volume.External {
			problems = append(problems, fmt.Errorf("volume %s is external: it may be a running stack's", key))
		}
		if device := volume.DriverOpts["device"]; device != "" {
			problems = append(problems, fmt.Errorf("volume %s is %s: it may be a running stack's", key, device))
		}
		volume.Name, volume.Labels = c.name+"_"+key, volume.Labels.Add(verifyLabel, c.name)
		project.Volumes[key] = volume
	}
	for key, network := range project.Networks {
		if network.External {
			problems = append(problems, fmt.Errorf("network %s is external: a running stack may be on it", key))
		}
		network.Name, network.Labels = c.name+"_"+key, network.Labels.Add(verifyLabel, c.name)
		project.Networks[key] = network
	}
	renamed := c.renameBuilt(project)
	for name, service := range project.Services {
		problems = append(problems, reaches(service, project.WorkingDir)...)
		if image, ok := renamed[service.Image]; ok && service.Image != "" {
			service.Image = image
		}
		service.ContainerName = ""
		service.Labels = service.Labels.Add(verifyLabel, c.name)
		if service.Restart == types.RestartPolicyAlways || service.Restart == types.RestartPolicyUnlessStopped {
			service.Restart = types.RestartPolicyOnFailure // a killed run's leftovers don't come back with the engine
		}
		project.Services[name] = service
	}
	c.project = project
	return flow.Refuse(errors.Join(problems...), "add a compose file without it to verify: compose-files: (an override with !reset), or choose other services:")
}

// renameBuilt gives images that the compose file builds a name of ours, and returns the old names with the new.
func (c *composition) renameBuilt(project *types.Project) map[string]string {
	renamed := map[string]string{}
	for name, service := range project.Services {
		if service.Build == nil {
			continue
		}
		ours := c.name + "-" + strings.ToLower(name)
		if service.Image != "" {
			renamed[service.Image] = ours
		}
		service.Image, service.Build.Tags = ours, nil
		project.Services[name] = service
	}
	return renamed
}

// reaches lists by what a service would reach into another stack.
func reaches(service types.ServiceConfig, dir string) []error {
	var problems []error
	refuse := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("service "+service.Name+" "+format, args...))
	}
	for _, link := range service.ExternalLinks {
		refuse("links to the container %s of another stack", link)
	}
	for _, from := range slices.Concat(service.VolumesFrom, []string{service.NetworkMode, service.Pid, service.Ipc}) {
		if strings.HasPrefix(from, types.ContainerPrefix) {
			refuse("uses the %s of another stack", strings.Replace(from, ":", " ", 1))
		}
	}
	for _, volume := range service.Volumes {
		if volume.Type == types.VolumeTypeBind && !volume.ReadOnly && outside(volume.Source, dir) {
			refuse("can write to %s, outside the build directory: a running stack may use it", volume.Source)
		}
	}
	return problems
}

// outside tells whether a path leads out of dir, through a link or not. A socket does no harm: it is no data.
func outside(path, dir string) bool {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	relative, err := filepath.Rel(dir, path)
	if err == nil && filepath.IsLocal(relative) {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || info.Mode().Type() != fs.ModeSocket
}
