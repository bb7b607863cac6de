package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certDirs are where docker looks for a registry's own CA: HOST/ca.crt in the engine's folder, in a rootless
// engine's, and in Docker Desktop's.
func certDirs() []string {
	dirs := []string{"/etc/docker/certs.d"}
	if config, err := os.UserConfigDir(); err == nil {
		dirs = append(dirs, filepath.Join(config, "docker", "certs.d"))
	}
	if config := os.Getenv("DOCKER_CONFIG"); config != "" {
		return append(dirs, filepath.Join(config, "certs.d"))
	}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".docker", "certs.d"))
	}
	return dirs
}

// hosts is a RoundTripper with a transport a host, since trust is a host's. Every request has a deadline for
// its connection, for the first byte of its answer, and for each time that nothing moves.
type hosts struct {
	dirs    []string
	stalled time.Duration
	mu      sync.Mutex
	of      map[string]*http.Transport
	pings   pings
}

func newTransport(dirs []string) *hosts {
	return &hosts{dirs: dirs, stalled: stalled, of: map[string]*http.Transport{}}
}

// RoundTrip implements http.RoundTripper. Plain HTTP is for loopback alone: anywhere else credentials and
// images would travel in the clear.
func (h *hosts) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" && !loopback(req.URL.Hostname()) {
		return nil, fmt.Errorf("plain HTTP to %s is refused: only HTTPS, except on loopback", req.URL.Host)
	}
	if answer := h.pings.known(req); answer != nil {
		return answer, nil
	}
	transport, err := h.transport(req.URL.Host)
	if err != nil {
		return nil, err
	}
	answer, err := resend(polite{transport}, req)
	if err != nil {
		return nil, err
	}
	if err := h.pings.remember(req, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

func (h *hosts) transport(host string) (*http.Transport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t, ok := h.of[host]; ok {
		return t, nil
	}
	roots, err := h.roots(host)
	if err != nil {
		return nil, err
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return lively{connection, h.stalled}, nil
	}
	t.MaxIdleConnsPerHost = 8 // as many as work at a time: a new one costs more than most requests
	t.ResponseHeaderTimeout = h.stalled
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	// HTTP/2 confirms every few kilobytes of what is read: of a 100 MB layer, a megabyte goes up for nothing.
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	h.of[host] = t
	return t, nil
}

// roots are the system's and the host's own. nil means the system's alone.
func (h *hosts) roots(host string) (*x509.CertPool, error) {
	var pool *x509.CertPool
	for _, dir := range h.dirs {
		files, _ := filepath.Glob(filepath.Join(dir, host, "*.crt"))
		for _, file := range files {
			pem, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if pool == nil {
				if pool, err = x509.SystemCertPool(); err != nil {
					return nil, err
				}
			}
			if !pool.AppendCertsFromPEM(pem) {
				return nil, fmt.Errorf("%s holds no certificate", file)
			}
		}
	}
	return pool, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
