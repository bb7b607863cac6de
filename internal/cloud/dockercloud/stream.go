package dockercloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"

	"hotfix/internal/flow"
)

// A stream lives as long as its pings are answered; maxFrame is the most that one message may be.
const (
	pingEvery  = 15 * time.Second
	pingAnswer = 3 * pingEvery
	maxFrame   = 4 << 20
)

// stream is an open websocket: a command's terminal, or a log.
type stream struct {
	ws   *websocket.Conn
	stop func() bool
	done chan struct{}
}

// open opens a stream. A handshake that was refused opened nothing, and is not tried again: what it asks for may be
// a command.
func (a *api) open(ctx context.Context, path string, query url.Values) (*stream, error) {
	dialer := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: a.Answer}
	header := http.Header{"Authorization": {a.Login.Header}, "User-Agent": {"hotfix"}}
	ws, response, err := dialer.DialContext(ctx, a.Stream+path+"?"+query.Encode(), header)
	if err != nil {
		if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(response.Body, 1024))
			err = refused{status: response.StatusCode, text: words(body)}
		}
		return nil, a.explain(ctx, "open "+path, err)
	}
	ws.SetReadLimit(maxFrame)
	alive := func(string) error { return ws.SetReadDeadline(time.Now().Add(pingAnswer)) }
	ws.SetPongHandler(alive)
	_ = alive("")
	s := &stream{ws: ws, done: make(chan struct{})}
	s.stop = context.AfterFunc(ctx, func() { _ = ws.NetConn().Close() })
	go s.ping()
	return s, nil
}

func (s *stream) ping() {
	for {
		select {
		case <-time.After(pingEvery):
			_ = s.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(time.Second))
		case <-s.done:
			return
		}
	}
}

func (s *stream) close() {
	s.stop()
	close(s.done)
	_ = s.ws.Close()
}

// frame is a message of the other side.
type frame struct {
	Type, Output, Log, Source string
	Data                      struct{ ErrorMessage string }
}

// read hands every message to take until the other side ends. What is no JSON is output as it is.
func (s *stream) read(take func(frame) error) error {
	for {
		_, text, err := s.ws.ReadMessage()
		switch {
		case websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway, websocket.CloseNoStatusReceived):
			return nil
		case err != nil:
			return err
		}
		_ = s.ws.SetReadDeadline(time.Now().Add(pingAnswer))
		var f frame
		if json.Unmarshal(text, &f) != nil {
			f = frame{Output: string(text), Log: string(text)}
		}
		if f.Type == "error" {
			return flow.Hint(fmt.Errorf("it was refused there: %s", f.Data.ErrorMessage), "see whether the credentials may do this")
		}
		if err := take(f); err != nil {
			return err
		}
	}
}

// causeOr prefers the reason why ctx ended.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

var errUnknownEnd = errors.New("the connection ended before the command said how it ended")
