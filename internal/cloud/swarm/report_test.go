//go:build swarm

package swarm_test

import (
	"bytes"
	"sync"
)

// report keeps what an action tells.
type report struct {
	mu   sync.Mutex
	text bytes.Buffer
	fact map[string]string
}

func (r *report) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *report) Progress(string, int64, int64) {}

func (r *report) Fact(name, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fact == nil {
		r.fact = map[string]string{}
	}
	r.fact[name] = value
}

func (r *report) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}
