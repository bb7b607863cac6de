package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/shlex"
	"github.com/gorilla/websocket"
)

// exec runs a command in a container, at a terminal: what the client sends is typed.
func (c *DockerCloud) exec(w http.ResponseWriter, r *http.Request, id string) {
	machine := c.machine(id)
	if machine == "" {
		cloudError(w, http.StatusNotFound, "Not found")
		return
	}
	argv, err := shlex.Split(r.URL.Query().Get("command"))
	if err != nil || len(argv) == 0 {
		argv = []string{"sh"}
	}
	upgrader := websocket.Upgrader{}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	typed, keyboard := io.Pipe()
	go func() {
		for {
			_, text, err := ws.ReadMessage()
			if err != nil {
				_ = keyboard.Close()
				return
			}
			_, _ = keyboard.Write(text)
		}
	}()
	frames := &cloudFrames{ws: ws, how: c.Exec}
	switch c.Exec {
	case "unauthorized":
		_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"error","data":{"errorMessage":"UNAUTHORIZED"}}`))
		return
	case "abrupt":
		_ = ws.NetConn().Close()
		return
	}
	_ = c.Machines.Exec(r.Context(), machine, argv, typed, frames)
	_ = typed.Close()
	frames.end()
}

func (c *DockerCloud) machine(id string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		for _, k := range s.containers {
			if k.id == id && k.state == "Running" {
				return k.machine
			}
		}
	}
	return ""
}

// cloudFrames sends what a terminal shows.
type cloudFrames struct {
	ws  *websocket.Conn
	how string
	mu  sync.Mutex
}

// Write implements io.Writer.
func (f *cloudFrames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.how == "silent" {
		p2, _, _ := strings.Cut(string(p), "\x1e")
		return len(p), f.frame([]byte(p2))
	}
	return len(p), f.frame(p)
}

func (f *cloudFrames) frame(p []byte) error {
	if f.how == "raw" {
		return f.ws.WriteMessage(websocket.TextMessage, p)
	}
	text, err := json.Marshal(map[string]string{"type": "exec", "streamType": "stdout", "output": string(p)}) // the type is a guess
	if err != nil || f.how != "fragmented" {
		return f.ws.WriteMessage(websocket.TextMessage, text)
	}
	w, err := f.ws.NextWriter(websocket.TextMessage)
	if err != nil {
		return err
	}
	for len(text) > 0 { // more than a buffer of them makes fragments
		n := min(7000, len(text))
		if _, err := w.Write(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return w.Close()
}

func (f *cloudFrames) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	_ = f.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
}
