package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// Dial returns the engine that the user's docker talks to: DOCKER_HOST, else docker's current context.
func Dial(ctx context.Context) (client.APIClient, error) {
	cli, err := dockerCLI()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	engine := cli.Client()
	if _, err := engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err != nil {
		return nil, fmt.Errorf("reach the docker engine at %s: %w", engine.DaemonHost(), err)
	}
	return engine, nil
}

func dockerCLI() (*command.DockerCli, error) {
	cli, err := command.NewDockerCli(command.WithOutputStream(io.Discard), command.WithErrorStream(io.Discard))
	if err != nil {
		return nil, err
	}
	if err := cli.Initialize(flags.NewClientOptions()); err != nil {
		return nil, fmt.Errorf("read docker's configuration: %w", err)
	}
	return cli, nil
}

// Connect returns the engine that there is. On Debian as root, where there is none, it installs and starts one.
func Connect(ctx context.Context, logf Logf) (client.APIClient, error) {
	engine, err := Dial(ctx)
	if err == nil {
		return engine, nil
	}
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return nil, flow.Hint(err, "start the engine at "+host+", or unset DOCKER_HOST")
	}
	if !debianRoot() {
		return nil, flow.Hint(err, "install and start a docker engine (https://docs.docker.com/engine/install/)")
	}
	logf("no docker engine answers: installing and starting one")
	packages := []string{"docker.io", "ca-certificates"}
	if _, err := os.Stat("/sys/kernel/security/apparmor"); err == nil {
		packages = append(packages, "apparmor") // no container starts without its parser, where the kernel has it
	}
	if err := install(ctx, logf, "dockerd", packages...); err != nil {
		return nil, err
	}
	return startEngine(ctx, logf)
}

// startEngine starts dockerd and leaves it running: the images in it are worth keeping.
func startEngine(ctx context.Context, logf Logf) (client.APIClient, error) {
	var start *exec.Cmd
	logPath := filepath.Join(os.TempDir(), "hotfix-sandbox-dockerd.log")
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		logf("systemctl start docker")
		start = exec.Command("systemctl", "start", "docker")
	} else {
		logf("dockerd (its log: %s)", logPath)
		start = exec.Command("dockerd")
		start.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	}
	log, err := os.Create(logPath)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	start.Stdout, start.Stderr = log, log
	if err := start.Start(); err != nil {
		return nil, fmt.Errorf("start the docker engine: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- start.Wait() }()
	deadline := time.After(time.Minute)
	for {
		engine, err := Dial(ctx)
		if err == nil {
			return engine, nil
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case failure := <-ended:
			if failure != nil { // or the package's own service was quicker, and will answer
				logf("it has ended: %v", failure)
				deadline = time.After(10 * time.Second)
			}
		case <-deadline:
			return nil, flow.Hint(err, "see "+logPath)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
