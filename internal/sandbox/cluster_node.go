package sandbox

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/moby/moby/client"
)

// A daemon is an engine's process, and all that it has started: they are in one process namespace, and die with it.
type daemon struct {
	cmd   *exec.Cmd
	ended chan struct{}
}

func (n *Node) path(name string) string {
	return filepath.Join(n.cluster.dir, fmt.Sprintf("n%d", n.number), name)
}

// begin starts the node's engine.
func (n *Node) begin() error {
	for _, dir := range []string{"data", "exec", "run"} {
		if err := os.MkdirAll(n.path(dir), 0o700); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(n.path("log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	script := `hostname "$NAME"
mkdir -p /run/docker && mount --bind "$DIR/run" /run/docker
[ ! -d /run/containerd ] || mount -t tmpfs tmpfs /run/containerd
rm -rf "$DIR/pid" "$DIR/docker.sock" "$DIR/exec" # what a power cut left
echo "{}" >"$DIR/daemon.json"
exec dockerd --data-root "$DIR/data" --exec-root "$DIR/exec" --config-file "$DIR/daemon.json" -H "unix://$DIR/docker.sock" -p "$DIR/pid" \
	--bip "172.2$NUMBER.0.1/24" --cgroup-parent "/$NAME" --insecure-registry "$SUBNET" --label "node=n$NUMBER"`
	cmd := exec.Command("nsenter", "--net=/run/netns/"+n.Name, "unshare", "-m", "-u", "-p", "-f", "--mount-proc", "--kill-child=KILL",
		"--propagation", "private", "sh", "-c", script)
	cmd.Env = append(os.Environ(), "NAME="+n.Name, "DIR="+n.path(""), fmt.Sprintf("NUMBER=%d", n.number), "SUBNET="+n.cluster.subnet.String())
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	n.daemon = &daemon{cmd: cmd, ended: make(chan struct{})}
	started := make(chan error)
	go n.daemon.live(started)
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", n.Name, err)
	}
	if n.Engine == nil {
		n.Engine, err = client.New(client.WithHost("unix://" + n.path("docker.sock")))
	}
	return err
}

// live holds the thread that started it: the kernel kills the engine when that thread is gone.
func (d *daemon) live(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := d.cmd.Start()
	started <- err
	if err == nil {
		_ = d.cmd.Wait()
	}
	close(d.ended)
}

// answers waits for the node's engine.
func (n *Node) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		_, err := n.Engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-n.daemon.ended:
			log, _ := os.ReadFile(n.path("log"))
			return fmt.Errorf("the engine of %s has ended: %s", n.Name, lastLines(string(log), 8))
		case <-ctx.Done():
			return fmt.Errorf("the engine of %s: %w", n.Name, err)
		}
	}
}

// Kill is what a power cut does: the engine and all of its containers are gone at once, and its cable is dead.
func (n *Node) Kill() {
	if n.daemon == nil {
		return
	}
	_ = exec.Command("ip", "-n", n.Name, "link", "set", "eth0", "down").Run()
	_ = n.daemon.cmd.Process.Kill()
	<-n.daemon.ended
	n.daemon = nil
}

// Start is the power back again.
func (n *Node) Start(ctx context.Context) error {
	for _, args := range [][]string{{"link", "set", "eth0", "up"}, {"route", "replace", "default", "via", n.cluster.Gateway}} {
		if _, err := run(ctx, "", nil, "ip", append([]string{"-n", n.Name}, args...)...); err != nil {
			return err
		}
	}
	if err := n.begin(); err != nil {
		return err
	}
	return n.answers(ctx)
}
