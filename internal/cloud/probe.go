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
	seen := make(chan Seen, 1)
	go func() { seen <- Watch(asking, url, probeEvery) }()
	err := do()
	stop()
	report.Fact("probe "+url, (<-seen).String())
	return err
}

// Seen is what a probe saw.
type Seen struct {
	Sent, Failed int
	Gap          time.Duration // the longest time without an answer
}

// String says it in one line.
func (s Seen) String() string {
	return fmt.Sprintf("%d requests, %d failed, longest gap %.2f s", s.Sent, s.Failed, s.Gap.Seconds())
}

// Watch asks that often until ctx ends. A 5xx is a failure: the edge answers for a service that does not.
func Watch(ctx context.Context, url string, every time.Duration) (s Seen) {
	client := &http.Client{Timeout: probeTimeout}
	last := time.Now()
	for tick := time.NewTicker(every); ; {
		ok := answers(ctx, client, url)
		if ctx.Err() != nil { // a request that we cut off tells nothing
			s.Gap = max(s.Gap, time.Since(last))
			tick.Stop()
			return s
		}
		s.Sent++
		if ok {
			s.Gap, last = max(s.Gap, time.Since(last)), time.Now()
		} else {
			s.Failed++
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
