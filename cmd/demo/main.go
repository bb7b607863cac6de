// Command demo shows hotfix at work: it makes a world of real parts, patches the release that is live in it with
// the real binary, shows what has changed, and takes the world down again. With -shell it leaves a person in it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/moby/moby/client"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

func main() {
	binary := flag.String("hotfix", "build/hotfix", "the hotfix to show")
	shell := flag.Bool("shell", false, "stop once the world is there, and leave a person in it")
	prepare := flag.Bool("prepare", false, "only see to an engine and the images; tests need them")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := func() error { return run(ctx, *binary, *shell) }
	if *prepare {
		do = func() error { return prepared(ctx) }
	}
	if err := do(); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		for _, hint := range flow.Hints(err) {
			fmt.Fprintln(os.Stderr, "  try:", hint)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, binary string, shell bool) (failure error) {
	binary, err := filepath.Abs(binary)
	if err == nil {
		_, err = os.Stat(binary)
	}
	if err != nil {
		return flow.Hint(err, "make build")
	}
	engine, err := sandbox.Connect(ctx, logf)
	if err != nil {
		return err
	}
	defer engine.Close()
	dir, err := os.MkdirTemp("", "hotfix-demo-")
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, os.RemoveAll(dir)) }()
	stack, err := stackName(ctx, engine)
	if err != nil {
		return err
	}
	world, err := sandbox.NewWorld(ctx, engine, dir, stack, logf)
	if err != nil {
		return err
	}
	defer func() {
		logf("taking everything down again")
		undo, cancel := flow.Cleanup(ctx)
		defer cancel()
		failure = errors.Join(failure, world.Close(undo))
	}()
	d := demo{world: world, binary: binary}
	if shell {
		return d.shell(ctx)
	}
	return d.routine(ctx)
}

// prepared sees to what every world is made of, once a machine.
func prepared(ctx context.Context) error {
	engine, err := sandbox.Connect(ctx, logf)
	if err != nil {
		return err
	}
	defer engine.Close()
	return sandbox.Images(ctx, engine, logf)
}

// stackName is the name that the stack would have in production, where nothing here has it already.
func stackName(ctx context.Context, engine client.APIClient) (string, error) {
	const usual = "acme160301"
	filters := make(client.Filters).Add("label", "com.docker.compose.project="+usual)
	found, err := engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil || len(found.Items) > 0 {
		return "", err
	}
	volumes, err := engine.VolumeList(ctx, client.VolumeListOptions{Filters: filters})
	if err != nil || len(volumes.Items) > 0 {
		return "", err
	}
	return usual, nil
}

func logf(format string, args ...any) { fmt.Fprintf(os.Stderr, "· "+format+"\n", args...) }
