package sandbox

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// An edge is the CDN in front of the site: it keeps pages, but not what lies under /status and /files, until they
// are purged.
type edge struct {
	origin string
	web    *http.Client

	mu    sync.Mutex
	pages map[string]page
}

type page struct {
	status int
	kind   string
	body   []byte
}

func newEdge(origin string) *edge {
	transport := &http.Transport{DisableKeepAlives: true} // what runs behind it is replaced
	return &edge{origin: origin, web: &http.Client{Transport: transport, Timeout: 10 * time.Second}, pages: map[string]page{}}
}

func (e *edge) purge(zone PurgedZone) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if zone.Everything {
		clear(e.pages)
	}
}

// ServeHTTP implements http.Handler.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.RequestURI()
	state := "MISS"
	if path == "/status" || path == "/files" || r.Method != http.MethodGet {
		state = "DYNAMIC"
	}
	e.mu.Lock()
	found, hit := e.pages[path]
	e.mu.Unlock()
	if hit {
		state = "HIT"
	} else {
		var err error
		if found, err = e.fetch(r, path); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
	}
	if state == "MISS" && found.status == http.StatusOK {
		e.mu.Lock()
		e.pages[path] = found
		e.mu.Unlock()
	}
	w.Header().Set("Content-Type", found.kind)
	w.Header().Set("Cf-Cache-Status", state)
	w.WriteHeader(found.status)
	_, _ = w.Write(found.body)
}

func (e *edge) fetch(r *http.Request, path string) (page, error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, e.origin+path, r.Body)
	if err != nil {
		return page{}, err
	}
	response, err := e.web.Do(request)
	if err != nil {
		return page{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return page{response.StatusCode, response.Header.Get("Content-Type"), body}, err
}
