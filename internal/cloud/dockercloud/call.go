package dockercloud

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"hotfix/internal/flow"
)

// tries is how often a request that changes nothing is sent before its failure counts; maxBody is the most that is
// read of an answer.
const (
	tries   = 5
	maxBody = 8 << 20
)

// api talks to Docker Cloud.
type api struct {
	Config
	web *http.Client
}

// refused is an answer other than the one that was asked for.
type refused struct {
	status int
	text   string
	wait   time.Duration // Retry-After
}

// Error implements error.
func (r refused) Error() string {
	return strings.TrimSpace(fmt.Sprintf("%d %s: %s", r.status, http.StatusText(r.status), r.text))
}

// lockedOut tells that wrong credentials have locked the account: one more try makes it worse.
func (r refused) lockedOut() bool {
	return r.status == http.StatusTooManyRequests && strings.Contains(strings.ToLower(r.text), "login")
}

// passing tells whether the same request may be answered a little later.
func passing(err error) bool {
	var r refused
	if !errors.As(err, &r) {
		return true // the network
	}
	switch r.status {
	case http.StatusTooManyRequests:
		return !r.lockedOut()
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// get reads, again and again while the failure may pass.
func (a *api) get(ctx context.Context, path string, into any) error {
	for try := 1; ; try++ {
		_, err := a.send(ctx, http.MethodGet, path, into)
		if err == nil || try == tries || ctx.Err() != nil || !passing(err) {
			return a.explain(ctx, "GET "+path, err)
		}
		wait := a.Every * time.Duration(try)
		var r refused
		if errors.As(err, &r) {
			wait = max(wait, r.wait)
		}
		if pause(ctx, wait) != nil {
			return a.explain(ctx, "GET "+path, err)
		}
	}
}

// post changes something: it is sent once, whatever becomes of it.
func (a *api) post(ctx context.Context, path string, into any) (http.Header, error) {
	return a.send(ctx, http.MethodPost, path, into)
}

func (a *api) send(ctx context.Context, method, path string, into any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, a.Answer)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.REST+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", a.Login.Header)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "hotfix")
	response, err := a.web.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return nil, err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return nil, refused{response.StatusCode, words(body), min(time.Duration(seconds)*time.Second, time.Minute)}
	}
	if into == nil || response.StatusCode == http.StatusNoContent {
		return response.Header, nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return response.Header, fmt.Errorf("the answer is not what Docker Cloud answers: %w", err)
	}
	return response.Header, nil
}

// words are what an error's body says, in any of its shapes.
func words(body []byte) string {
	var said struct{ Error, Detail string }
	if json.Unmarshal(body, &said) == nil && said.Error+said.Detail != "" {
		return said.Error + said.Detail
	}
	body = bytes.TrimSpace(body)
	return string(body[:min(len(body), 300)])
}

// explain says what went wrong and what can be done about it.
func (a *api) explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	var r refused
	known := errors.As(err, &r)
	err = fmt.Errorf("at Docker Cloud, %s: %s: %w", a.REST, doing, err)
	switch {
	case known && (r.status == http.StatusUnauthorized || r.lockedOut()):
		return flow.Hint(err, "correct the credentials; they come from "+a.Login.From+". Do not try again before: Docker Cloud locks accounts")
	case known && r.status == http.StatusNotFound:
		return flow.Hint(err, "it is gone, or in another namespace: see DOCKERCLOUD_NAMESPACE")
	case known && r.status == http.StatusPaymentRequired, known && r.status == http.StatusForbidden:
		return flow.Hint(err, "see the account's billing and quota at Docker Cloud")
	case !known && ctx.Err() == nil:
		return flow.Hint(err, "see whether it is up and reachable from here; DOCKERCLOUD_REST_HOST says where it is")
	}
	return flow.Hint(err, "the same command goes on from here")
}

// path is /api/app/v1/[namespace/]kind/[uuid/[verb/]].
func (a *api) path(parts ...string) string {
	if a.Namespace != "" {
		parts = append([]string{a.Namespace}, parts...)
	}
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return "/api/app/v1/" + strings.Join(parts, "/") + "/"
}

// pause waits, unless ctx ends.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
