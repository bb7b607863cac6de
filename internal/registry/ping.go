package registry

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// pings remembers how each registry answers /v2/, which says how to log in: the library asks before every single
// thing that it does. Only an answer that says so is remembered, and not for long.
type pings struct {
	mu sync.Mutex
	of map[string]ping
}

type ping struct {
	answer http.Response
	body   []byte
	at     time.Time
}

const pinged = time.Minute

// known returns the remembered answer to a request; nil where there is none.
func (p *pings) known(req *http.Request) *http.Response {
	if !isPing(req) {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	found, ok := p.of[req.URL.String()]
	if !ok || time.Since(found.at) > pinged {
		return nil
	}
	answer := found.answer
	answer.Request, answer.Header, answer.Body = req, found.answer.Header.Clone(), io.NopCloser(bytes.NewReader(found.body))
	return &answer
}

// remember keeps an answer, which can still be read.
func (p *pings) remember(req *http.Request, answer *http.Response) error {
	if !isPing(req) || answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusUnauthorized {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	answer.Body.Close()
	if err != nil {
		return err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	kept := ping{*answer, body, time.Now()}
	kept.answer.Header = answer.Header.Clone()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]ping{}
	}
	p.of[req.URL.String()] = kept
	return nil
}

func isPing(req *http.Request) bool {
	return req.Method == http.MethodGet && req.URL.Path == "/v2/" && req.Header.Get("Authorization") == ""
}
