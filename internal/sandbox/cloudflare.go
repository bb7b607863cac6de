package sandbox

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Cloudflare answers as api.cloudflare.com does, its errors included, and remembers every request. It is an
// http.Handler; clients reach it under /client/v4.
type Cloudflare struct {
	Token    string                // the one that may purge
	ReadOnly string                // one that may look zones up, and nothing else
	Purged   func(zone PurgedZone) // told of every purge; may be nil

	mu       sync.Mutex
	zones    []zone
	requests []Request
	faults   []Fault
}

// A Request is what Cloudflare got, and what it answered.
type Request struct {
	Method, Path, Body string
	Status             int
}

// PurgedZone is what was purged: everything, or some URLs.
type PurgedZone struct {
	Name       string
	Everything bool
	Files      []string
}

// A Fault is how the next purge goes wrong.
type Fault int

// The faults.
const (
	TooMany    Fault = iota // 429, with Retry-After
	Refused                 // HTTP 200 and success:false
	BadGateway              // 502 and a page instead of an envelope
)

type zone struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// NewCloudflare has some zones by name. Tokens are of the length that Cloudflare's have.
func NewCloudflare(names ...string) *Cloudflare {
	c := &Cloudflare{Token: id() + id() + id() + id() + id(), ReadOnly: id() + id() + id() + id() + id()}
	for _, name := range names {
		c.zones = append(c.zones, zone{ID: ZoneID(name), Name: name, Status: "active"})
	}
	return c
}

// ZoneID is the id that the stand-in gives a zone.
func ZoneID(name string) string {
	sum := md5.Sum([]byte(name))
	return hex.EncodeToString(sum[:])
}

// Fail makes the next purges go wrong, one fault each.
func (c *Cloudflare) Fail(faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, faults...)
}

// Requests returns what it got so far.
func (c *Cloudflare) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// ServeHTTP implements http.Handler.
func (c *Cloudflare) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	answer := c.answer(r, body)
	c.mu.Lock()
	c.requests = append(c.requests, Request{r.Method, r.URL.RequestURI(), string(bytes.TrimSpace(body)), answer.status})
	c.mu.Unlock()
	answer.write(w)
}

var (
	zonePath   = regexp.MustCompile(`^/client/v4/zones/([^/]+)(/purge_cache)?$`)
	zoneIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)
	bearerForm = regexp.MustCompile(`^Bearer [A-Za-z0-9_-]{40}$`)
)

func (c *Cloudflare) answer(r *http.Request, body []byte) answer {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	match := zonePath.FindStringSubmatch(r.URL.Path)
	switch {
	case r.Header.Get("Authorization") == "":
		return failure(400, problem{Code: 9106, Message: "Missing X-Auth-Key, X-Auth-Email or Authorization headers"})
	case !bearerForm.MatchString(r.Header.Get("Authorization")):
		return failure(400, problem{Code: 6003, Message: "Invalid request headers", Chain: []problem{{Code: 6111, Message: "Invalid format for Authorization header"}}})
	case token != c.Token && token != c.ReadOnly:
		return failure(403, problem{Code: 10000, Message: "Authentication error"})
	case r.Method == http.MethodGet && r.URL.Path == "/client/v4/zones":
		return c.list(r.URL.Query())
	case match == nil || !zoneIDForm.MatchString(match[1]):
		return notRouted(r.URL.Path)
	}
	found := slices.IndexFunc(c.zones, func(z zone) bool { return z.ID == match[1] })
	switch {
	case found < 0:
		return failure(404, problem{Code: 1001, Message: "Invalid zone identifier"})
	case match[2] == "" && r.Method == http.MethodGet:
		return success(c.zones[found])
	case match[2] != "" && r.Method == http.MethodPost && token != c.Token:
		return failure(403, problem{Code: 10000, Message: "Authentication error"})
	case match[2] != "" && r.Method == http.MethodPost:
		return c.purge(c.zones[found], body)
	}
	return notRouted(r.URL.Path)
}

func (c *Cloudflare) list(query url.Values) answer {
	found := []zone{}
	for _, z := range c.zones {
		if name := query.Get("name"); name == "" || name == z.Name {
			found = append(found, z)
		}
	}
	a := success(found)
	a.Info = map[string]int{"page": 1, "per_page": 20, "count": len(found), "total_count": len(found), "total_pages": 1}
	return a
}

// purge checks the body as Cloudflare does: one kind of thing a request.
func (c *Cloudflare) purge(z zone, body []byte) answer {
	var wanted struct {
		Everything bool     `json:"purge_everything"`
		Files      []string `json:"files"`
	}
	if err := json.Unmarshal(body, &wanted); err != nil {
		return failure(400, problem{Code: 1004, Message: "Unable to parse the request body"})
	}
	if wanted.Everything == (len(wanted.Files) > 0) {
		return failure(400, problem{Code: 1012, Message: "Request must contain one of \"purge_everything\" or \"files\", or tags, hosts or prefixes"})
	}
	if fault, ok := c.nextFault(); ok {
		return fault
	}
	if c.Purged != nil {
		c.Purged(PurgedZone{z.Name, wanted.Everything, wanted.Files})
	}
	return success(map[string]string{"id": z.ID})
}

func (c *Cloudflare) nextFault() (answer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.faults) == 0 {
		return answer{}, false
	}
	fault := c.faults[0]
	c.faults = c.faults[1:]
	switch fault {
	case TooMany:
		a := failure(429, problem{Code: 971, Message: "Please wait and consider throttling your request speed"})
		a.retryAfter = "1"
		return a, true
	case Refused:
		return failure(200, problem{Code: 1012, Message: "Request was refused"}), true
	default:
		return answer{status: 502, page: "<html><h1>502 Bad Gateway</h1></html>\n"}, true
	}
}
