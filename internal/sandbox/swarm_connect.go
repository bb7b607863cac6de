package sandbox

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// connect makes the way in and out of the cluster: to the registry from each node, to each node's engine, and from
// the site's address to whichever node serves.
func (w *World) connect(ctx context.Context, c *Cluster) error {
	for _, n := range c.Nodes {
		inside, err := n.listen(w.Registry.Host)
		if err != nil {
			return fmt.Errorf("bring the registry to %s: %w", n.Name, err)
		}
		context.AfterFunc(ctx, func() { _ = inside.Close() })
		go forward(inside, "tcp", w.Registry.Host)
		if err := w.dockerContext(ctx, n.Name, "host="+n.Engine.DaemonHost()); err != nil {
			return err
		}
	}
	site, err := net.Listen("tcp", "127.0.0.1:"+w.webPort)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = site.Close() })
	go func() { _ = http.Serve(site, balance(c)) }()
	return nil
}

// listen listens in the node's network, on its own loopback.
func (n *Node) listen(address string) (listener net.Listener, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlocked: the thread ends with this, since its network is another's
		var namespace int
		if namespace, err = unix.Open("/run/netns/"+n.Name, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		defer func() { _ = unix.Close(namespace) }()
		if err = unix.Setns(namespace, unix.CLONE_NEWNET); err == nil {
			listener, err = net.Listen("tcp", address)
		}
	}()
	<-done
	return listener, err
}

// balance asks the node that served last, then the others: what edge proxies do with a node that takes no connection,
// and with one that closes it before it answers.
func balance(c *Cluster) http.Handler {
	dead := net.Dialer{Timeout: 300 * time.Millisecond}
	return &httputil.ReverseProxy{
		Transport: &balancer{nodes: c.Nodes, transport: &http.Transport{DisableKeepAlives: true, DialContext: dead.DialContext}},
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme = "http" },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
}

type balancer struct {
	nodes     []*Node
	transport http.RoundTripper
	last      atomic.Int32
}

// RoundTrip implements http.RoundTripper.
func (b *balancer) RoundTrip(r *http.Request) (response *http.Response, err error) {
	first := int(b.last.Load())
	for i := range b.nodes {
		at := (first + i) % len(b.nodes)
		try := r.Clone(r.Context())
		try.URL.Host = fmt.Sprintf("%s:%d", b.nodes[at].Addr, sitePort)
		if response, err = b.transport.RoundTrip(try); err == nil {
			b.last.Store(int32(at))
			return response, nil
		}
		if r.Method != http.MethodGet { // it may have been done
			break
		}
	}
	return nil, err
}
