package cloud

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"hotfix/internal/flow"
)

// probeEvery is the time between two requests of a probe, and probeTimeout how long one may take.
const (
	probeEvery   = 50 * time.Millisecond
	probeTimeout = 2 * time.Second
)

// probed does something while a URL is asked over and over, and tells what its users would have seen.
func probed(ctx context.Context, url string, report flow.Report, do func() error) error {
	if url == "" {
		return do()
	}
	asking, stop := context.WithCancel(ctx)
	seen := make(chan seen, 1)
	go func() { seen <- watch(asking, url) }()
	err := do()
	stop()
	report.Fact("probe "+url, (<-seen).String())
	return err
}

// seen is what a probe saw.
type seen struct {
	sent, failed int
	gap          time.Duration // the longest time without an answer
}

// String says it in one line.
func (s seen) String() string {
	return fmt.Sprintf("%d requests, %d failed, longest gap %.2f s", s.sent, s.failed, s.gap.Seconds())
}

// watch asks until ctx ends. A 5xx is a failure: the edge answers for a service that does not.
func watch(ctx context.Context, url string) (s seen) {
	client := &http.Client{Timeout: probeTimeout}
	last := time.Now()
	for tick := time.NewTicker(probeEvery); ; {
		ok := answers(ctx, client, url)
		if ctx.Err() != nil { // a request that we cut off tells nothing
			s.gap = max(s.gap, time.Since(last))
			tick.Stop()
			return s
		}
		s.sent++
		if ok {
			s.gap, last = max(s.gap, time.Since(last)), time.Now()
		} else {
			s.failed++
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func answers(ctx context.Context, client *http.Client, url string) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode < http.StatusInternalServerError
}
