package sandbox

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A DockerCloud answers as Docker Cloud's v1 API did, as far as its documentation, its clients and their tests tell.
// What they do not tell is marked: a guess. Its services follow tags, on machines of your choice. It is an
// http.Handler, for REST and for streams.
type DockerCloud struct {
	User, Key string
	Stack     string
	Machines  Machines
	Knobs

	mu       sync.Mutex
	services []*cloudService
	actions  map[string]*cloudAction
	requests []Request
	faults   []*CloudFault
	clock    time.Time
}

// Machines run the containers of a DockerCloud.
type Machines interface {
	// Deploy replaces what runs as this container of a service by what the tag names now; was is empty at first.
	Deploy(ctx context.Context, service, image, was string) (machine string, err error)
	// Running tells whether it runs.
	Running(machine string) bool
	// Exec runs a command at a terminal.
	Exec(ctx context.Context, machine string, argv []string, in io.Reader, out io.Writer) error
	// Logs returns the last lines.
	Logs(ctx context.Context, machine string, tail int) string
}

type cloudService struct {
	id, name, image, state, deployed string
	containers                       []*cloudContainer
	volumes                          int // how often they were new
}

type cloudContainer struct{ id, name, machine, state, started string }

type cloudAction struct{ id, object, state string }

// NewDockerCloud has one stack of no services.
func NewDockerCloud(stack string, machines Machines) *DockerCloud {
	return &DockerCloud{User: "deploy", Key: id() + id(), Stack: stack, Machines: machines, actions: map[string]*cloudAction{}, clock: time.Now()}
}

// Add starts a service: one that already runs there is adopted.
func (c *DockerCloud) Add(ctx context.Context, name, image string, containers int, adopt ...string) error {
	s := &cloudService{id: uuid(), name: name, image: image, state: "Running", deployed: c.now(), volumes: 1}
	for i := range containers {
		machine := ""
		if i < len(adopt) {
			machine = adopt[i]
		} else {
			var err error
			if machine, err = c.Machines.Deploy(ctx, name, image, ""); err != nil {
				return err
			}
		}
		s.containers = append(s.containers, c.container(s, i, machine))
	}
	c.services = append(c.services, s)
	return nil
}

func (c *DockerCloud) container(s *cloudService, i int, machine string) *cloudContainer {
	return &cloudContainer{uuid(), fmt.Sprintf("%s-%d", s.name, i+1), machine, "Running", c.now()}
}

// now is a time that is another one whenever it is asked for, in Docker Cloud's form.
func (c *DockerCloud) now() string {
	c.clock = c.clock.Add(time.Second)
	return c.clock.UTC().Format(time.RFC1123Z)
}

// uuid has the form of one, random.
func uuid() string {
	s := id() + id() + id() + id()
	return strings.Join([]string{s[:8], s[8:12], "4" + s[13:16], "a" + s[17:20], s[20:]}, "-")
}

// Requests returns what it got so far.
func (c *DockerCloud) Requests() []Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.requests)
}

// Redeploys counts the requests that began a redeploy of a service.
func (c *DockerCloud) Redeploys(service string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.services {
		for _, a := range c.actions {
			if s.name == service && a.object == s.id {
				n++
			}
		}
	}
	return n
}

// Volumes counts how often a service began with empty ones.
func (c *DockerCloud) Volumes(service string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.services[slices.IndexFunc(c.services, func(s *cloudService) bool { return s.name == service })].volumes
}

var cloudPath = regexp.MustCompile(`^/api/(app|audit)/v1/(?:([a-z0-9_]+)/)??(stack|service|container|action)(?:/([0-9a-f-]{36})(?:/([a-z]+))?)?/?$`)

// ServeHTTP implements http.Handler.
func (c *DockerCloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	note := func(status int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.requests = append(c.requests, Request{r.Method, r.URL.RequestURI(), string(body), status})
	}
	if fault := c.fault(r); fault != nil {
		note(fault.Status)
		if fault.After {
			c.route(r, discarded{http.Header{}})
		}
		fault.write(w, r)
		return
	}
	note(0)
	c.route(r, w)
}

// discarded is an answer that never arrives.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header       { return d.header }
func (discarded) Write(p []byte) (int, error) { return len(p), nil }
func (discarded) WriteHeader(int)             {}

func (c *DockerCloud) route(r *http.Request, w http.ResponseWriter) {
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte(c.User+":"+c.Key))
	if r.Header.Get("Authorization") != want {
		cloudError(w, http.StatusUnauthorized, "Unauthorized") // the words are a guess
		return
	}
	match := cloudPath.FindStringSubmatch(r.URL.Path)
	if match == nil || match[2] != "" && match[2] != c.User || match[2] != "" && match[3] == "action" {
		cloudError(w, http.StatusNotFound, "Not found")
		return
	}
	kind, one, verb := match[3], match[4], match[5]
	switch {
	case verb == "exec" && kind == "container":
		c.exec(w, r, one)
	case verb == "logs" && kind == "service":
		c.logs(w, r, one)
	case verb == "redeploy" && kind == "service" && r.Method == http.MethodPost:
		c.redeploy(w, r, one)
	case verb != "" || r.Method != http.MethodGet:
		cloudError(w, http.StatusMethodNotAllowed, "Method not allowed")
	case one == "":
		c.list(w, r, kind)
	default:
		c.one(w, kind, one)
	}
}
