package sandbox

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Knobs are how a DockerCloud misbehaves.
type Knobs struct {
	PageSize    int           // of lists; 0: what was asked for, 25 else
	Next        string        // how lists name their next page: "absolute", or "looping" for ever
	Takes       time.Duration // one container's redeploy
	ActionEnds  string        // instead of Success: Failed, Canceled, "In progress" for ever
	ServiceEnds string        // instead of Running, once its redeploy has ended
	KeepsImage  bool          // a redeploy that deploys what ran before
	NoAction    bool          // the header that names the action is missing
	Nulls       bool          // null wherever that may be, and fields that nobody knows
	Twins       int           // terminated stacks of the same name
	Exec        string        // fragmented, raw, silent, unauthorized, abrupt
	LogEnds     bool          // a log that is followed ends by itself
}

// A CloudFault is what happens to one request.
type CloudFault struct {
	Match      string // of "POST /api/app/v1/…"
	Nth        int    // which of those that match; 0: all
	Status     int
	Body       string
	RetryAfter string
	Hang       bool // no answer until the client has gone
	Close      bool // the connection ends without an answer
	After      bool // what was asked for is done; only the answer is lost

	seen int
}

// Fail makes requests go wrong.
func (c *DockerCloud) Fail(faults ...CloudFault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range faults {
		c.faults = append(c.faults, &f)
	}
}

func (c *DockerCloud) fault(r *http.Request) *CloudFault {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if !strings.Contains(r.Method+" "+r.URL.Path, f.Match) {
			continue
		}
		if f.seen++; f.Nth == 0 || f.seen == f.Nth {
			return f
		}
	}
	return nil
}

func (f *CloudFault) write(w http.ResponseWriter, r *http.Request) {
	switch {
	case f.Hang:
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	case f.Close:
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	w.WriteHeader(f.Status)
	fmt.Fprint(w, f.Body)
}
