package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// validate complains of what is well-formed and makes no sense.
func (f *File) validate(complain func(path, text string)) {
	for name := range f.Secrets {
		if len(f.Secrets[name]) == 0 {
			complain("secrets."+name, "want a command: [op, read, …]")
		}
	}
	f.validateCommands("build.prepare", f.Build.Prepare, complain)
	for i, path := range f.Build.Copy {
		if !filepath.IsLocal(path) {
			complain(fmt.Sprintf("build.copy.%d", i), "want a path inside the repository")
		}
	}
	if f.Verify != nil {
		f.validateCommands("verify.prepare", f.Verify.Prepare, complain)
		for i, c := range f.Verify.Checks {
			c.validate(fmt.Sprintf("verify.checks.%d", i), complain)
		}
	}
	if !strings.Contains(f.ImageTag, "${COMMITSHA}") {
		complain("image-tag", "must contain ${COMMITSHA}, or two commits would share a tag")
	}
	for name, image := range f.Images {
		image.validate("images."+name, complain)
	}
	for name, stack := range f.Stacks {
		stack.validate("stacks."+name, complain)
	}
}

func (f *File) validateCommands(path string, commands []Command, complain func(path, text string)) {
	for i, c := range commands {
		if len(c.Run) == 0 {
			complain(fmt.Sprintf("%s.%d", path, i), "want run: [command, argument]")
		}
	}
}

func (c Check) validate(path string, complain func(path, text string)) {
	switch {
	case (c.HTTP == "") == (len(c.Run) == 0):
		complain(path, "want either http: URL or run: [command]")
	case c.HTTP == "" && c.In == "":
		complain(path, "want in: the service to run it in")
	}
}

func (i Image) validate(path string, complain func(path, text string)) {
	if i.Repository == "" {
		complain(path, "want repository: registry.example.com/team/name")
	}
	if i.Dockerfile == "" {
		complain(path, "want dockerfile: its path in the repository")
	}
	if i.Ignore != "" && i.Filter != "" {
		complain(path, "ignore and filter exclude each other")
	}
}

func (s Stack) validate(path string, complain func(path, text string)) {
	oneOf := func(key, value string, want ...string) {
		if value != "" && !slices.Contains(want, value) {
			complain(path+"."+key, fmt.Sprintf("%q is none of: %s", value, strings.Join(want, ", ")))
		}
	}
	oneOf("target", s.Target, "compose", "swarm", "dockercloud")
	oneOf("update", s.Update, "start-first", "stop-first")
	if s.Target != "swarm" && s.Update == "start-first" {
		complain(path+".update", "only a swarm can: elsewhere the old container stops first")
	}
	if s.Target == "dockercloud" {
		s.validateDockerCloud(path, complain)
	}
	if s.Context != "" && s.Host != "" {
		complain(path, "context and host exclude each other")
	}
	for i, c := range s.Checks {
		if len(c.Run) == 0 {
			complain(fmt.Sprintf("%s.checks.%d", path, i), "want run: [command, argument]")
		}
	}
	if m := s.Migrate; m != nil {
		oneOf("migrate.when", m.When, "after-canary", "after-redeploy")
		if m.Service == "" || len(m.Run) == 0 {
			complain(path+".migrate", "want service: and run: [command]")
		}
	}
	if c := s.Cache.Cloudflare; c != nil {
		oneOf("cache.cloudflare.purge", c.Purge, "everything")
		if len(c.Zones) == 0 {
			complain(path+".cache.cloudflare", "want zones: [example.com], names or ids")
		}
	}
}

// validateDockerCloud complains of what Docker Cloud can't do.
func (s Stack) validateDockerCloud(path string, complain func(path, text string)) {
	if s.Context != "" || s.Host != "" {
		complain(path, "Docker Cloud has no docker engine to reach: leave context and host out; DOCKERCLOUD_REST_HOST says where it is")
	}
	if !s.Replaces() {
		complain(path+".replace", "on Docker Cloud a service runs what its tag names: where the tag stays, nothing is deployed")
	}
}
