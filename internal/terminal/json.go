package terminal

import (
	"encoding/json"
	"io"

	"hotfix/internal/flow"
)

// JSON prints every event as one line, for programs.
type JSON struct{ out *json.Encoder }

// NewJSON returns a JSON listener that writes to out.
func NewJSON(out io.Writer) JSON { return JSON{json.NewEncoder(out)} }

// Event implements flow.Listener.
func (j JSON) Event(e flow.Event) { _ = j.out.Encode(e) }

// Both tells two listeners.
type Both struct{ First, Second flow.Listener }

// Event implements flow.Listener.
func (b Both) Event(e flow.Event) {
	b.First.Event(e)
	b.Second.Event(e)
}
