package registry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A registry that turns away every second request gets a part of an upload all the same, once, whichever request it
// began with: the question whether anything has arrived must not always take the turn that is let through.
func TestEverySecondRequestTurnedAway(t *testing.T) {
	for first := range 2 {
		requests, arrived := first, 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests++
			switch {
			case requests%2 == 0:
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.Method == http.MethodPatch:
				arrived++
				w.WriteHeader(http.StatusAccepted)
			default:
				w.WriteHeader(http.StatusNoContent)
			}
		}))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, server.URL, strings.NewReader("part"))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := resend(http.DefaultTransport, request)
		if err != nil || answer.StatusCode != http.StatusAccepted || arrived != 1 {
			t.Errorf("from request %d on: %v %v, it arrived %d times", first, answer, err, arrived)
		}
		server.Close()
	}
}
