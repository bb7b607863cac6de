package sandbox

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// wholeLog is more lines than a container here ever writes, and followEvery the time between two looks at them.
const (
	wholeLog    = 1 << 16
	followEvery = 50 * time.Millisecond
)

// logs sends the end of what a service's containers wrote and, unless it is told not to follow, what comes until the
// client has gone.
func (c *DockerCloud) logs(w http.ResponseWriter, r *http.Request, id string) {
	tail, err := strconv.Atoi(r.URL.Query().Get("tail"))
	if err != nil {
		tail = 300
	}
	upgrader := websocket.Upgrader{}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	ctx, gone := context.WithCancel(context.WithoutCancel(r.Context()))
	go func() {
		defer gone()
		for { // pings are answered by whoever reads
			if _, _, err := ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	sent := map[string]int{}
	for again := true; again && ctx.Err() == nil; {
		for _, l := range c.written(ctx, id, tail, sent) {
			_ = ws.WriteJSON(l)
		}
		if again = !strings.EqualFold(r.URL.Query().Get("follow"), "false") && !c.LogEnds; again {
			time.Sleep(followEvery)
		}
	}
	_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
}

// written are the frames of what a service's containers wrote since the last look, at first of their last lines.
func (c *DockerCloud) written(ctx context.Context, id string, tail int, sent map[string]int) (frames []map[string]any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		for _, k := range s.containers {
			if s.id != id || k.state == "Terminated" {
				continue
			}
			all := slices.Collect(strings.Lines(c.Machines.Logs(ctx, k.machine, wholeLog)))
			from, known := sent[k.machine]
			if !known {
				from = max(0, len(all)-tail)
			}
			for _, line := range all[min(from, len(all)):] {
				frames = append(frames, map[string]any{"type": "log", "source": k.name, "log": line, "streamType": "stdout", "timestamp": 1433779324})
			}
			sent[k.machine] = len(all)
		}
	}
	return frames
}
