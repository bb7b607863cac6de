package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// answer is Cloudflare's envelope.
type answer struct {
	Success  bool           `json:"success"`
	Errors   []problem      `json:"errors"`
	Messages []string       `json:"messages"`
	Result   any            `json:"result"`
	Info     map[string]int `json:"result_info,omitempty"`

	status     int
	retryAfter string
	page       string // sent instead of the envelope
}

type problem struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Chain   []problem `json:"error_chain,omitempty"`
}

func success(result any) answer {
	return answer{Success: true, Errors: []problem{}, Messages: []string{}, Result: result, status: http.StatusOK}
}

func failure(status int, problems ...problem) answer {
	return answer{Errors: problems, Messages: []string{}, status: status}
}

func notRouted(path string) answer {
	return failure(http.StatusNotFound,
		problem{Code: 7003, Message: fmt.Sprintf("Could not route to %s, perhaps your object identifier is invalid?", path)},
		problem{Code: 7000, Message: "No route for that URI"})
}

func (a answer) write(w http.ResponseWriter) {
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if a.page != "" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(a.status)
		_, _ = fmt.Fprint(w, a.page)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a)
}
