//go:build swarm

package swarm_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// An edge is what stands before a stack: it passes a request on to the node that answered last, else to each other
// one, and is asked for every service all the time.
type edge struct {
	client *http.Client
	lock   sync.Mutex
	last   map[uint32]int
	seen   map[uint32]*seen
	stop   context.CancelFunc
	all    sync.WaitGroup
}

// seen is what the users of one service saw.
type seen struct {
	sent, failed int
	gap          time.Duration
	errors       map[string]int
}

// ask probes the ports every 10 ms until the test ends, or seen is called.
func ask(t testing.TB, ports ...uint32) *edge {
	ctx, stop := context.WithCancel(t.Context())
	dead := net.Dialer{Timeout: 300 * time.Millisecond} // a node is dead that does not take a connection, not one that is slow
	web := &http.Client{Timeout: 3 * time.Second, Transport: &http.Transport{DialContext: dead.DialContext, DisableKeepAlives: true}}
	e := &edge{client: web, last: map[uint32]int{}, seen: map[uint32]*seen{}, stop: stop}
	for _, port := range ports {
		s := &seen{errors: map[string]int{}}
		e.seen[port] = s
		e.all.Go(func() { e.probe(ctx, port, s) })
	}
	return e
}

// ended returns what was seen on each port.
func (e *edge) ended() map[uint32]*seen {
	e.stop()
	e.all.Wait()
	return e.seen
}

func (e *edge) probe(ctx context.Context, port uint32, s *seen) {
	last := time.Now()
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		err := e.pass(ctx, port)
		if ctx.Err() != nil {
			s.gap = max(s.gap, time.Since(last))
			tick.Stop()
			return
		}
		s.sent++
		if err == nil {
			s.gap, last = max(s.gap, time.Since(last)), time.Now()
		} else {
			s.failed++
			s.errors[err.Error()]++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// pass tries every node once.
func (e *edge) pass(ctx context.Context, port uint32) (err error) {
	e.lock.Lock()
	first := e.last[port]
	e.lock.Unlock()
	for i := range shared.Nodes {
		at := (first + i) % len(shared.Nodes)
		request, _ := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s:%d/healthz", shared.Nodes[at].Addr, port), nil)
		var response *http.Response
		if response, err = e.client.Do(request); err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %d", response.StatusCode)
			continue
		}
		e.lock.Lock()
		e.last[port] = at
		e.lock.Unlock()
		return nil
	}
	return err
}

// nothingFailed fails the test unless every request was answered, and says what was seen.
func (e *edge) nothingFailed(t *testing.T, what string) {
	t.Helper()
	for port, s := range e.ended() {
		t.Logf("%s, port %d: %d requests, %d failed, longest gap %v", what, port, s.sent, s.failed, s.gap.Round(time.Millisecond))
		if s.failed > 0 || s.sent < 10 {
			t.Errorf("%s: %v", what, s.errors)
		}
	}
}
