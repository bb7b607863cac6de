package registry

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"hotfix/internal/flow"
)

// stalled is how long a connection may carry nothing, in either direction, before it is given up.
const stalled = time.Minute

// longest is what a registry may ask to wait for. Whoever asks for more has to be tried later.
const longest = 2 * time.Minute

// wait does as a registry asks that is busy: until then, its answer is held back from whoever would try again.
func wait(ctx context.Context, answer *http.Response) error {
	if answer.StatusCode != http.StatusTooManyRequests && answer.StatusCode != http.StatusServiceUnavailable {
		return nil
	}
	asked := retryAfter(answer.Header.Get("Retry-After"), time.Now())
	if asked > longest {
		return flow.Hint(fmt.Errorf("%s is busy and asks to wait for %s", answer.Request.URL.Host, asked.Round(time.Second)),
			"the same command goes on then")
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(asked):
		return nil
	}
}

// retryAfter reads both shapes of the header: seconds, or a time. Without one it is zero.
func retryAfter(text string, now time.Time) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// A lively connection ends once nothing has come or gone for a while. Whatever moves counts for both directions: an
// upload is not cut off because the answer is still to come.
type lively struct {
	net.Conn
	most time.Duration
}

// Read implements net.Conn.
func (l lively) Read(b []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.most)); err != nil {
		return 0, err
	}
	return l.Conn.Read(b)
}

// Write implements net.Conn.
func (l lively) Write(b []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.most)); err != nil {
		return 0, err
	}
	return l.Conn.Write(b)
}
