package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"hotfix/internal/sandbox"
)

// A wire is what the registry is reached through: it counts the bytes, TLS and all.
type wire struct {
	net.Listener
	host     string
	up, down atomic.Int64
}

// row is a line of the table.
type row struct {
	what     string
	taken    time.Duration
	up, down int64
}

// count puts a wire before the registry, and makes docker's configuration in dir one that knows it.
func count(store *sandbox.Registry, dir string) (*wire, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	w := &wire{Listener: listener, host: listener.Addr().String()}
	go w.serve(store.Host)
	certs := filepath.Join(dir, "config", "certs.d", w.host)
	if err := os.MkdirAll(certs, 0o700); err != nil {
		return nil, err
	}
	ca, err := os.ReadFile(store.CA)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(certs, "ca.crt"), ca, 0o600); err != nil {
		return nil, err
	}
	auth := base64.StdEncoding.EncodeToString([]byte(store.User + ":" + store.Password))
	text, err := json.Marshal(map[string]any{"auths": map[string]any{w.host: map[string]string{"auth": auth}}})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "config", "config.json"), text, 0o600); err != nil {
		return nil, err
	}
	return w, os.Setenv("DOCKER_CONFIG", filepath.Join(dir, "config"))
}

func (w *wire) serve(to string) {
	for {
		client, err := w.Accept()
		if err != nil {
			return // closed
		}
		server, err := net.Dial("tcp", to)
		if err != nil {
			client.Close()
			continue
		}
		go pipe(server, client, &w.up)
		go pipe(client, server, &w.down)
	}
}

func pipe(to, from net.Conn, counted *atomic.Int64) {
	defer to.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		counted.Add(int64(n))
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}

// time measures what do takes and sends.
func (w *wire) time(what string, do func() error) (row, error) {
	up, down, start := w.up.Load(), w.down.Load(), time.Now()
	err := do()
	return row{what, time.Since(start), w.up.Load() - up, w.down.Load() - down}, err
}

var _ io.Closer = (*wire)(nil)
