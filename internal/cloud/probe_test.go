package cloud

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

func TestAProbeSeesWhatUsersSee(t *testing.T) {
	var down atomic.Bool
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusBadGateway)
		}
	}))
	defer site.Close()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan Seen)
	go func() { done <- Watch(ctx, site.URL, probeEvery) }()
	time.Sleep(300 * time.Millisecond)
	down.Store(true)
	time.Sleep(400 * time.Millisecond)
	down.Store(false)
	time.Sleep(300 * time.Millisecond)
	stop()
	s := <-done
	if s.Sent < 10 || s.Failed < 3 || s.Failed >= s.Sent || s.Gap < 400*time.Millisecond || s.Gap > time.Second {
		t.Errorf("it saw %v", s)
	}
}
