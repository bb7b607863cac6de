package dockercloud_test

import (
	"strings"
	"testing"
	"time"

	"hotfix/internal/cloud/dockercloud"
	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// TestEveryFault: whatever Docker Cloud does wrong ends in what was asked for, or in an error that says what it is;
// and nothing is redeployed twice.
func TestEveryFault(t *testing.T) {
	const redeploy, action = "POST /api/app/v1/deploy/service", "GET /api/audit/v1/action"
	type fault = sandbox.CloudFault
	type knobs = sandbox.Knobs
	for name, test := range map[string]struct {
		knobs     knobs
		fault     fault
		stopped   bool
		redeploys int
		err, hint string // empty: it works all the same
	}{
		"a page of one":           {knobs: knobs{PageSize: 1}, redeploys: 1},
		"next elsewhere":          {knobs: knobs{PageSize: 1, Next: "absolute"}, redeploys: 1},
		"next for ever":           {knobs: knobs{Next: "looping"}, err: "does not end after 200 pages"},
		"nulls, unknown fields":   {knobs: knobs{Nulls: true}, redeploys: 1},
		"terminated twins":        {knobs: knobs{Twins: 3}, redeploys: 1},
		"slow":                    {knobs: knobs{Takes: 100 * time.Millisecond}, redeploys: 1},
		"no action header":        {knobs: knobs{NoAction: true, Takes: 50 * time.Millisecond}, redeploys: 1},
		"the action fails":        {knobs: knobs{ActionEnds: "Failed"}, redeploys: 1, err: ": failed"},
		"the action is canceled":  {knobs: knobs{ActionEnds: "Canceled"}, redeploys: 1, err: ": canceled"},
		"the action never ends":   {knobs: knobs{ActionEnds: "In progress"}, redeploys: 1, err: "is not there after 1s: its action is in progress"},
		"it runs in part":         {knobs: knobs{ServiceEnds: "Partly running"}, redeploys: 1, err: "is not there after 1s: it is partly running"},
		"it does not start":       {knobs: knobs{ServiceEnds: "Start failed"}, redeploys: 1, err: "phpfiles: start failed"},
		"it stops":                {stopped: true, redeploys: 1, err: "is not there after 1s: it is running, 0 of 1 containers run\nthe log of phpfiles ended:"},
		"it keeps the image":      {knobs: knobs{KeepsImage: true}, redeploys: 1, err: "phpfiles runs sha256:"},
		"an end without a word":   {knobs: knobs{Exec: "silent"}, err: "the connection ended before the command said how it ended"},
		"exec is refused inside":  {knobs: knobs{Exec: "unauthorized"}, err: "it was refused there: UNAUTHORIZED", hint: "credentials"},
		"exec breaks off":         {knobs: knobs{Exec: "abrupt"}, err: "the connection ended before the command said how it ended"},
		"exec is refused":         {fault: fault{Match: "/exec/", Status: 401, Body: `{"error":"no"}`}, err: "401 Unauthorized: no", hint: "credentials"},
		"busy":                    {fault: fault{Match: redeploy, Status: 409, Body: `{"error":"conflict"}`}, err: "phpfiles is busy (running): 409 Conflict"},
		"bad request":             {fault: fault{Match: redeploy, Status: 400, Body: `{"error":"bad"}`}, err: "nothing was touched: redeploy phpfiles: 400 Bad Request: bad"},
		"billing":                 {fault: fault{Match: redeploy, Status: 402}, err: "402 Payment Required", hint: "billing"},
		"throttled redeploy":      {fault: fault{Match: redeploy, Status: 429}, err: "429 Too Many Requests"},
		"redeploy refused, 503":   {fault: fault{Match: redeploy, Status: 503}, err: "503", hint: "nothing is seen to have begun"},
		"redeploy cut, not done":  {fault: fault{Match: redeploy, Close: true}, err: "EOF", hint: "nothing is seen to have begun"},
		"redeploy hangs":          {fault: fault{Match: redeploy, Hang: true}, err: "deadline exceeded", hint: "nothing is seen to have begun"},
		"redeploy's answer lost":  {fault: fault{Match: redeploy, Close: true, After: true}, redeploys: 1},
		"redeploy's answer a 504": {fault: fault{Match: redeploy, Status: 504, After: true}, redeploys: 1},
		"one 500":                 {fault: fault{Match: action, Nth: 1, Status: 500, Body: "oops"}, redeploys: 1, err: "500 Internal Server Error: oops"},
		"one 503":                 {fault: fault{Match: action, Nth: 1, Status: 503}, redeploys: 1},
		"one 504":                 {fault: fault{Match: "GET /", Nth: 3, Status: 504}, redeploys: 1},
		"one connection cut":      {fault: fault{Match: "GET /", Nth: 2, Close: true}, redeploys: 1},
		"one 429, then again":     {fault: fault{Match: action, Nth: 1, Status: 429, RetryAfter: "0", Body: `{"detail":"throttled"}`}, redeploys: 1},
		"429 for ever":            {fault: fault{Match: "GET /", Status: 429, Body: `{"error":"throttled"}`}, err: "429 Too Many Requests: throttled"},
		"locked out":              {fault: fault{Match: "GET /", Status: 429, Body: `{"detail":"Too many login attempts."}`}, err: "Too many login attempts.", hint: "Do not try again before"},
		"401":                     {fault: fault{Match: "GET /", Status: 401, Body: `{"error":"no"}`}, err: "401 Unauthorized: no", hint: "DOCKERCLOUD_APIKEY"},
		"404":                     {fault: fault{Match: "/service/", Status: 404}, err: "404 Not Found", hint: "DOCKERCLOUD_NAMESPACE"},
		"no JSON":                 {fault: fault{Match: "/stack/", Status: 200, Body: "<html>"}, err: "not what Docker Cloud answers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHere(t, 1)
			next := h.push("new", "new")
			h.Knobs, h.tag = test.knobs, next
			if test.fault != (fault{}) {
				h.Fail(test.fault)
			}
			if test.stopped {
				h.stopped = true
			}
			o := brief
			o.Timeout = time.Second
			err := h.stack.Update(t.Context(), "phpfiles", image+"@"+next, o, flow.Silent{})
			switch {
			case test.err == "" && err != nil:
				t.Errorf("failed: %v", err)
			case test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)):
				t.Errorf("%v, want %q", err, test.err)
			case test.hint != "" && !strings.Contains(strings.Join(flow.Hints(err), "\n"), test.hint):
				t.Errorf("hints %q, want %q", flow.Hints(err), test.hint)
			case test.err == "" && h.service().Digest != next:
				t.Errorf("%+v", h.service())
			}
			if n := h.Redeploys("phpfiles"); n != test.redeploys {
				t.Errorf("%d redeploys, want %d", n, test.redeploys)
			}
			if n := h.asked("/redeploy/"); n > 1 {
				t.Errorf("asked %d times for a redeploy", n)
			}
			if n := h.asked(""); strings.HasPrefix(name, "401") && n != 1 || name == "locked out" && n != 1 {
				t.Errorf("refused credentials were sent %d times", n)
			}
		})
	}
}

func (h *here) asked(path string) (n int) {
	for _, r := range h.Requests() {
		if strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// TestUpdateKilledAnywhere cuts an update off after each request in turn: what was asked for is done, and its answer
// and everything after it is lost. The same again converges, and nothing is redeployed twice.
func TestUpdateKilledAnywhere(t *testing.T) {
	for calls := 1; calls < 100; calls++ {
		h := newHere(t, 1)
		h.Takes = 20 * time.Millisecond
		next := h.push("new", "new")
		h.tag = next
		config, left := h.cut(calls)
		err := dockercloud.New("acme", config).Update(t.Context(), "phpfiles", image+"@"+next, brief, flow.Silent{})
		if left() > 0 {
			if err != nil || calls < 12 {
				t.Errorf("nobody cut it off after call %d: %v", calls, err)
			}
			t.Logf("cut off after each of %d calls", calls-1)
			return
		}
		if err := h.stack.Update(t.Context(), "phpfiles", image+"@"+next, brief, flow.Silent{}); err != nil {
			t.Fatalf("cut off after call %d, then again: %v", calls, err)
		}
		if s := h.service(); s.Digest != next {
			t.Fatalf("cut off after call %d: %+v", calls, s)
		}
		if n := h.Redeploys("phpfiles"); n != 1 {
			t.Fatalf("cut off after call %d: %d redeploys", calls, n)
		}
	}
}

// TestWhatCantBeTold: two images with the same files are one to whoever looks inside.
func TestWhatCantBeTold(t *testing.T) {
	h := newHere(t, 1)
	h.push("old", "of another commit")
	if s := h.service(); s.Digest != "" || !strings.Contains(s.Detail, "hold the same files") {
		t.Errorf("%+v", s)
	}
	other := newHere(t, 1)
	other.content[other.tag] = "not what runs"
	if s := other.service(); s.Digest != "" || !strings.Contains(s.Detail, "runs none of the images that are known") {
		t.Errorf("%+v", s)
	}
}
