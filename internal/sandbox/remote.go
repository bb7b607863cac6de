package sandbox

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

// OverTLS makes the world's engine answer on loopback to whoever shows its certificate, as one on another machine
// does, and makes a docker context of that name for it. It ends with ctx.
func (w *World) OverTLS(ctx context.Context, name string) error {
	socket, ok := strings.CutPrefix(w.Engine.DaemonHost(), "unix://")
	if !ok {
		return fmt.Errorf("the engine is at %s, which is no socket", w.Engine.DaemonHost())
	}
	made, err := newCertificate()
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(made.cert, made.key)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(made.ca)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert})
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	go forward(listener, "unix", socket)
	host := "host=tcp://" + listener.Addr().String()
	for file, content := range map[string][]byte{"ca": made.ca, "cert": made.cert, "key": made.key} {
		path := w.path(name + "-" + file + ".pem")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return err
		}
		host += "," + file + "=" + path
	}
	return w.dockerContext(ctx, name, host)
}

// dockerContext makes a docker context for an engine.
func (w *World) dockerContext(ctx context.Context, name, engine string) error {
	_, err := run(ctx, w.Dir, []string{"DOCKER_CONFIG=" + w.Registry.DockerConfig}, "docker", "context", "create", name, "--docker", engine)
	return err
}

// forward connects whoever comes to the listener with a socket or an address, until the listener is closed.
func forward(listener net.Listener, network, address string) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer client.Close()
			server, err := net.Dial(network, address)
			if err != nil {
				return
			}
			defer server.Close()
			go func() {
				_, _ = io.Copy(server, client)
				_ = server.(interface{ CloseWrite() error }).CloseWrite() // a shell's input is over, its output is not
			}()
			_, _ = io.Copy(client, server)
		}()
	}
}

// OverSSH starts an ssh server on loopback, and returns this machine as a docker host and the PATH on which ssh knows
// the server and has a key for it. It ends with ctx.
func (w *World) OverSSH(ctx context.Context) (host, path string, err error) {
	me, err := user.Current()
	if err != nil {
		return "", "", err
	}
	port, err := freePort()
	if err != nil {
		return "", "", err
	}
	dir := w.path("ssh")
	if err := os.MkdirAll(filepath.Join(dir, "bin"), 0o700); err != nil {
		return "", "", err
	}
	for _, key := range []string{"server", "client"} {
		if _, err := run(ctx, dir, nil, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key); err != nil {
			return "", "", err
		}
	}
	real, err := exec.LookPath("ssh")
	if err != nil {
		return "", "", err
	}
	files := map[string]string{
		"sshd_config": fmt.Sprintf("Port %s\nListenAddress 127.0.0.1\nHostKey %s/server\nAuthorizedKeysFile %s/client.pub\nStrictModes no\nUsePAM no\nPidFile none\n", port, dir, dir),
		"config":      fmt.Sprintf("Host *\n  IdentityFile %s/client\n  IdentitiesOnly yes\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile %s/known\n", dir, dir),
		"bin/ssh":     fmt.Sprintf("#!/bin/sh\nexec %s -F %s/config \"$@\"\n", real, dir),
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			return "", "", err
		}
	}
	if err := startSSH(ctx, dir, port); err != nil {
		return "", "", err
	}
	return fmt.Sprintf("ssh://%s@127.0.0.1:%s", me.Username, port), filepath.Join(dir, "bin") + ":" + os.Getenv("PATH"), nil
}

// startSSH starts the server and waits until it answers.
func startSSH(ctx context.Context, dir, port string) error {
	if os.Getuid() == 0 { // where its processes without privileges live
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd"
	}
	server := exec.CommandContext(ctx, program, "-D", "-e", "-f", filepath.Join(dir, "sshd_config"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return err
	}
	server.Stderr = log
	if err := errors.Join(server.Start(), log.Close()); err != nil {
		return fmt.Errorf("start the ssh server: %w", err)
	}
	go func() { _ = server.Wait() }()
	return await(ctx, 10*time.Second, "the ssh server", func() error {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			err = conn.Close()
		}
		return err
	})
}
