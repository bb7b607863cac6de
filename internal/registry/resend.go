package registry

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// polite waits as long as a registry asks to.
type polite struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p polite) RoundTrip(req *http.Request) (*http.Response, error) {
	answer, err := p.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := wait(req.Context(), answer); err != nil {
		answer.Body.Close()
		return nil, err
	}
	return answer, nil
}

// resend sends a request again that was cut off or turned away. The library would begin the whole blob anew, and a
// fault that comes every third time meets it at the same step for ever.
func resend(through http.RoundTripper, req *http.Request) (*http.Response, error) {
	answer, failed := through.RoundTrip(req)
	const most = 3
	for try := 0; try < most && passing(answer, failed) && req.Context().Err() == nil; try++ {
		time.Sleep(50 * time.Millisecond << try)
		again, ok := repeated(through, req, try)
		if !ok {
			break
		}
		if answer != nil {
			answer.Body.Close()
		}
		answer, failed = through.RoundTrip(again)
	}
	return answer, failed
}

// repeated is the request once more. All that is asked of a registry may be asked twice, but for a part of an upload:
// that is added to what there is. So it is asked first whether anything of it has arrived.
func repeated(through http.RoundTripper, req *http.Request, try int) (*http.Request, bool) {
	again := req.Clone(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return again, true
	}
	if req.GetBody == nil || req.Method == http.MethodPatch && !nothingArrived(through, req) {
		return nil, false
	}
	if req.Method == http.MethodPatch && try%2 == 1 {
		ask(through, req) // for nothing: what fails every second request would let each question through, and no answer
	}
	body, err := req.GetBody()
	again.Body = body
	return again, err == nil
}

// passing tells whether a failure may be over soon. A stall is none: it has taken long enough.
func passing(answer *http.Response, failed error) bool {
	if failed != nil {
		var stall net.Error
		return !errors.As(failed, &stall) || !stall.Timeout()
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// nothingArrived asks how much of an upload the registry has.
func nothingArrived(through http.RoundTripper, req *http.Request) bool {
	const most = 3
	for range most {
		answer, err := ask(through, req)
		if passing(answer, err) {
			continue
		}
		if err != nil {
			return false
		}
		has := answer.Header.Get("Range")
		return answer.StatusCode == http.StatusNoContent && (has == "" || has == "0-0")
	}
	return false
}

// ask is how an upload stands. The answer has no body.
func ask(through http.RoundTripper, req *http.Request) (*http.Response, error) {
	ask := req.Clone(req.Context())
	ask.Method, ask.Body, ask.GetBody, ask.ContentLength = http.MethodGet, nil, nil, 0
	answer, err := through.RoundTrip(ask)
	if err == nil {
		answer.Body.Close()
	}
	return answer, err
}
