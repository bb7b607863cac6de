package cloudflare

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/option"

	"hotfix/internal/flow"
)

// answer is the envelope of the last response. The SDK reports success for HTTP 200 with success:false, and its
// error type is out of reach without the root package; so the envelope is read on its way.
type answer struct {
	status  int
	Success bool      `json:"success"`
	Errors  []problem `json:"errors"`
}

type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain"`
}

// read is a middleware: it looks at the body and puts it back.
func (a *answer) read(request *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	response, err := next(request)
	if err != nil {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	*a = answer{status: response.StatusCode}
	_ = json.Unmarshal(body, a) // what is no envelope is no success
	return response, err
}

// check turns an answer that is no success into an error with Cloudflare's own words.
func (a *answer) check(err error) error {
	switch {
	case a.status == 0 && err != nil:
		return flow.Hint(fmt.Errorf("reaching Cloudflare: %w", err), "see whether api.cloudflare.com is reachable from here")
	case a.Success:
		return err
	}
	words := messages(a.Errors)
	if words == "" {
		words = http.StatusText(a.status)
	}
	failure := fmt.Errorf("the Cloudflare API answered %d: %s", a.status, words)
	if a.denied() {
		return flow.Hint(failure, "give the token the permission Zone.Cache Purge on this zone, or make a new one")
	}
	return failure
}

// denied: 10000 is a token without the scope, 6003 with 6111 one that is malformed, 9109 an invalid one.
func (a *answer) denied() bool {
	if a.status == http.StatusUnauthorized || a.status == http.StatusForbidden {
		return true
	}
	for _, p := range a.Errors {
		if p.Code == 10000 || p.Code == 6003 || p.Code == 9109 {
			return true
		}
	}
	return false
}

func messages(problems []problem) string {
	var all []string
	for _, p := range problems {
		text := fmt.Sprintf("%s (%d)", p.Message, p.Code)
		if inner := messages(p.Chain); inner != "" {
			text += ": " + inner
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}
