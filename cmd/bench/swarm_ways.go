package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
	"hotfix/internal/sandbox"
)

// swarmBench is a live stack on a swarm, and two images for its service web.
type swarmBench struct {
	world   *sandbox.World
	manager client.APIClient
	hub     *registry.Registry
	tags    []string
}

func (b *swarmBench) repository() string {
	return b.world.Registry.Host + "/acme/acme-web-src-nginx"
}

// prepare pushes two images that differ in a label, and lets `docker stack deploy` make web, so that it changes
// nothing but the image later.
func (b *swarmBench) prepare(ctx context.Context) error {
	was, err := b.hub.Image(ctx, b.repository()+":git-commit-"+b.world.SHA)
	if err != nil {
		return err
	}
	for _, tag := range []string{"one", "two"} {
		b.tags = append(b.tags, tag)
		if err := do(ctx, &registry.Push{Registry: b.hub, Built: labelled{was, tag},
			Targets: []registry.Target{{Name: "nginx", Repository: b.repository(), Tag: tag}}}); err != nil {
			return err
		}
	}
	if _, err := b.manager.ServiceRemove(ctx, b.world.Stack+"_web", client.ServiceRemoveOptions{}); err != nil {
		return err
	}
	return b.deploy(ctx, b.tags[1])
}

// labelled is an image with one more label.
type labelled struct {
	of    v1.Image
	label string
}

// Image implements registry.Built.
func (l labelled) Image(context.Context, string) (v1.Image, error) {
	file, err := l.of.ConfigFile()
	if err != nil {
		return nil, err
	}
	config := file.DeepCopy().Config
	config.Labels = map[string]string{"bench": l.label}
	return mutate.Config(l.of, config)
}

func (b *swarmBench) stack(order string) cloud.Stack {
	return swarm.New(b.manager, b.world.Stack, swarm.Config{Auth: b.hub.Auth, Image: b.hub.Image, Order: order})
}

// hotfix redeploys web as the phase redeploy does.
func (b *swarmBench) hotfix(order string) func(context.Context, string) error {
	stack := b.stack(order)
	return func(ctx context.Context, to string) error {
		ref := b.repository() + ":" + to
		digest, err := b.hub.Digest(ctx, ref)
		if err != nil {
			return err
		}
		return stack.Update(ctx, "web", ref+"@"+digest, cloud.Options{Monitor: monitor}, flow.Silent{})
	}
}

// update is docker's way with one service.
func (b *swarmBench) update(ctx context.Context, to string) error {
	return b.docker(ctx, "service", "update", "--quiet", "--with-registry-auth", "--image", b.repository()+":"+to, b.world.Stack+"_web")
}

// deploy is docker's way with a file.
func (b *swarmBench) deploy(ctx context.Context, to string) error {
	file := filepath.Join(b.world.Dir, "web.yml")
	text := fmt.Sprintf(`version: "3.8"
services:
  web:
    image: %s:%s
    ports: [{ target: 80, published: 8080, mode: host }]
    healthcheck: { test: [CMD, curl, -fsS, "http://127.0.0.1/healthz"], interval: 1s, timeout: 5s, retries: 5, start_period: 10s }
    deploy:
      replicas: 1
      endpoint_mode: dnsrr
      update_config: { order: start-first, monitor: %v, failure_action: rollback }
`, b.repository(), to, monitor)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	return b.docker(ctx, "stack", "deploy", "--quiet", "--detach=false", "--with-registry-auth", "-c", file, b.world.Stack)
}

func (b *swarmBench) docker(ctx context.Context, args ...string) error {
	cmd := flow.Command(ctx, "docker", append([]string{"-H", b.manager.DaemonHost()}, args...)...)
	out, err := cmd.CombinedOutput()
	return flow.ChildError(cmd, err, strings.TrimSpace(string(out)))
}
