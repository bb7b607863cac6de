package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/docker/cli/cli/command"
	dockerconfig "github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/flags"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/cloud/swarm"
	"hotfix/internal/config"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
)

// stackOn is the stack of hotfix.yml on that engine: one line a target. A swarm's other nodes are reached through the
// docker contexts named like them.
func stackOn(engine client.APIClient, spec config.Stack, r *registry.Registry) cloud.Stack {
	if spec.Target == "swarm" {
		node := func(name string) (client.APIClient, error) { return dial(name, "") }
		return swarm.New(engine, spec.Name, swarm.Config{Auth: r.Auth, Image: r.Image, Node: node, Order: spec.Update})
	}
	return compose.New(engine, spec.Name, r.Auth)
}

// dial connects to an engine as the user's docker would: a context or a host, else DOCKER_HOST, DOCKER_CONTEXT and
// docker's current context; ssh:// and TLS included. Nothing is sent yet.
func dial(context, host string) (client.APIClient, error) {
	options := &flags.ClientOptions{Context: context}
	if host != "" {
		options.Hosts = []string{host}
	}
	engine, err := command.NewAPIClientFromFlags(options, dockerconfig.LoadDefaultConfigFile(io.Discard))
	if err != nil {
		where := context + host
		return nil, flow.Hint(fmt.Errorf("the docker engine %s: %w", where, err), "docker context ls")
	}
	return engine, nil
}

// dialLocal connects to the engine of this machine, where images are built and verified: docker's current one,
// unless that is elsewhere.
func dialLocal() (client.APIClient, error) {
	engine, err := dial("", "")
	if err == nil && (strings.HasPrefix(engine.DaemonHost(), "unix:") || strings.HasPrefix(engine.DaemonHost(), "npipe:")) {
		return engine, nil
	}
	return dial("default", "")
}
