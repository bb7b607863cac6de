package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"text/tabwriter"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
	"hotfix/internal/sandbox"
)

// monitor is how long all of them watch what they have started before they call it proven.
const monitor = 5 * time.Second

// swarms measures a redeploy on three engines, and what users see of it, beside docker's own two ways.
func swarms(ctx context.Context, _ scale) (failure error) {
	if _, err := exec.LookPath("docker"); err != nil {
		return fmt.Errorf("it measures `docker service update` and `docker stack deploy`, so it needs docker's command line: %w", err)
	}
	if err := sandbox.CanCluster(); err != nil {
		return err
	}
	engine, err := sandbox.Connect(ctx, logf)
	if err != nil {
		return err
	}
	defer engine.Close()
	dir, err := os.MkdirTemp("", "hotfix-bench-")
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, os.RemoveAll(dir)) }()
	world, err := sandbox.NewWorld(ctx, engine, dir, "", logf)
	if err != nil {
		return err
	}
	defer func() {
		undo, cancel := flow.Cleanup(ctx)
		defer cancel()
		failure = errors.Join(failure, world.Close(undo))
	}()
	cluster, err := sandbox.StartCluster(ctx, 3, logf)
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, cluster.Close()) }()
	if err := world.Swarm(ctx, cluster); err != nil {
		return err
	}
	if err := os.Setenv("DOCKER_CONFIG", world.Registry.DockerConfig); err != nil {
		return err
	}
	b := &swarmBench{world: world, manager: cluster.Nodes[0].Engine, hub: registry.New()}
	if err := b.prepare(ctx); err != nil {
		return err
	}
	ways, err := b.turns(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "web, one container, %d redeploys each\tseconds\trequests\tfailed\tlongest gap\t\n", turns)
	for _, way := range ways {
		fmt.Fprintf(w, "%s\t%.2f\t%d\t%d\t%.3f s\t\n", way.what, median(way.took).Seconds(), way.seen.Sent, way.seen.Failed, way.seen.Gap.Seconds())
	}
	return w.Flush()
}

// A way is one to redeploy a service, and what came of it.
type way struct {
	what string
	do   func(ctx context.Context, to string) error
	took []time.Duration
	seen cloud.Seen
}

// turns lets each way bring the same change, one after the other, while users ask every 10 ms. The first turn is not
// counted: in it the nodes pull.
func (b *swarmBench) turns(ctx context.Context) ([]*way, error) {
	ways := []*way{
		{what: "hotfix, start-first", do: b.hotfix("start-first")},
		{what: "docker service update, start-first", do: b.update},
		{what: "docker stack deploy, start-first", do: b.deploy},
		{what: "hotfix, stop-first", do: b.hotfix("stop-first")},
	}
	for turn := range turns + 1 {
		for n, way := range ways {
			to := b.tags[n%len(b.tags)]
			took, seen, err := b.redeploy(ctx, to, way.do)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", way.what, err)
			}
			logf("%s: %.2f s, %v", way.what, took.Seconds(), seen)
			if turn > 0 {
				way.took = append(way.took, took)
				way.seen = cloud.Seen{Sent: way.seen.Sent + seen.Sent, Failed: way.seen.Failed + seen.Failed, Gap: max(way.seen.Gap, seen.Gap)}
			}
		}
	}
	return ways, nil
}

// redeploy brings web to a tag that it does not run, and sees that it runs it then.
func (b *swarmBench) redeploy(ctx context.Context, to string, do func(context.Context, string) error) (time.Duration, cloud.Seen, error) {
	if b.runs(ctx, to) == nil {
		return 0, cloud.Seen{}, fmt.Errorf("web runs %s already", to)
	}
	asking, stop := context.WithCancel(ctx)
	defer stop()
	users := make(chan cloud.Seen, 1)
	go func() { users <- cloud.Watch(asking, b.world.Origin+"/healthz", 10*time.Millisecond) }()
	start := time.Now()
	err := do(ctx, to)
	took := time.Since(start)
	stop()
	if seen := <-users; err == nil {
		return took, seen, b.runs(ctx, to)
	}
	return 0, cloud.Seen{}, err
}

// runs fails unless web runs what the tag names, and nothing else.
func (b *swarmBench) runs(ctx context.Context, tag string) error {
	want, err := b.hub.Digest(ctx, b.repository()+":"+tag)
	if err != nil {
		return err
	}
	services, err := b.stack("").Services(ctx)
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Name == "web" && (s.Digest != want || s.Healthy != 1) {
			return fmt.Errorf("web runs %s, %d of %d healthy, not %s", s.Digest, s.Healthy, s.Containers, want)
		}
	}
	return nil
}
