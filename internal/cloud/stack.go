// Package cloud patches what runs: the canary first, then the other services, by digest, and back again. It knows
// stacks through one small interface; there is one folder for each target.
package cloud

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"hotfix/internal/flow"
)

// A Stack is named services that run in one place.
type Stack interface {
	// Place says where, for every prompt: "compose project acme on unix:///var/run/docker.sock".
	Place() string
	// Services returns what runs, sorted by name. It changes nothing.
	Services(ctx context.Context) ([]Service, error)
	// Update returns once every container of the service runs exactly the digest in ref (repo:tag@sha256:…), has
	// been healthy for the monitor time and has passed the check. Otherwise it puts back what ran before and
	// returns an error that carries the last lines of its log. An update that was killed is taken up where it is.
	Update(ctx context.Context, service, ref string, o Options, report flow.Report) error
	// Health returns once the service has been healthy for the monitor time without a break, or an error that
	// says why it is not; a monitor time of 0 looks once and judges nothing.
	Health(ctx context.Context, service string, monitor time.Duration) (Health, error)
	// Logs writes the last tail lines of the service's log, and with follow what comes until ctx ends.
	Logs(ctx context.Context, service string, follow bool, tail int, w io.Writer) error
	// Exec runs a command in a running container of the service and returns its exit status.
	Exec(ctx context.Context, service string, command []string, w io.Writer) (exit int, err error)
	// Shell is Exec with a person at it: where in is a terminal, a terminal inside too, of the same size, in which
	// Ctrl-C is what it is there. No command means the best shell that there is.
	Shell(ctx context.Context, service string, command []string, in, out *os.File) (exit int, err error)
	// Job returns the one-off container with this key, and whether there is one. It changes nothing.
	Job(ctx context.Context, key string) (Job, bool, error)
	// RunJob runs a one-off container made like the service's own, and keeps it: it is the record. One that runs
	// already under this key is watched to its end, one that has succeeded is not run again. When ctx ends the
	// job goes on.
	RunJob(ctx context.Context, spec JobSpec, report flow.Report) (Job, error)
}

// A Service is one service of a stack as it runs now.
type Service struct {
	Name       string
	Image      string // as configured: host/repo:tag, perhaps @digest
	Repository string // host/repo
	Tag        string
	// Digest is the manifest digest that every container of it runs; empty where it is unknown or they differ.
	Digest string
	// Labels are its image's: org.opencontainers.image.revision is the commit that runs.
	Labels map[string]string
	// Containers should run; Running do, of which Healthy are healthy (or running, without a healthcheck).
	Containers, Running, Healthy int
	// Interrupted: an update of it was begun and has no end; the next Update ends it, or takes it back.
	Interrupted bool
	// Completed: it ran once and ended well, as it was meant to; nothing of it serves.
	Completed bool
	// Detail is what a person should know beyond this, or empty.
	Detail string
}

// Ref is the reference that pins the service's own repository and tag to a digest.
func (s Service) Ref(digest string) string {
	ref := s.Repository
	if s.Tag != "" {
		ref += ":" + s.Tag
	}
	return ref + "@" + digest
}

// Options are how an update is judged.
type Options struct {
	Monitor time.Duration // how long healthy counts as proven
	Timeout time.Duration // how long one container may take to get there
	// Check is asked before the old container is given up; an error puts it back. May be nil.
	Check func(ctx context.Context, report flow.Report) error
}

// Health is how a service is.
type Health struct {
	Service
	// Since when all of its containers have been running and healthy; zero where they are not.
	Since time.Time
	// Restarts by the engine since they were started.
	Restarts int
}

// String says it in one line.
func (h Health) String() string {
	s := fmt.Sprintf("%d of %d running, %d healthy", h.Running, h.Containers, h.Healthy)
	if !h.Since.IsZero() {
		s += fmt.Sprintf(" for %v", time.Since(h.Since).Round(time.Second))
	}
	if h.Restarts > 0 {
		s += fmt.Sprintf(", %d restarts", h.Restarts)
	}
	if h.Detail != "" {
		s += ", " + h.Detail
	}
	return s
}

// A JobSpec describes a one-off container.
type JobSpec struct {
	Key     string // its identity: what has run under it is not run again
	Service string // whose environment, networks and volumes it has
	Ref     string // the image: repo:tag@sha256:…
	Command []string
	Env     map[string]string // on top of the service's
}

// A Job is a one-off container that runs or ran.
type Job struct {
	Running bool
	Exit    int
	Ended   time.Time
	Output  string // what it wrote to stdout: the last 64 kB of it, once it has ended
	Unread  error  // why Output is not known, although it has ended
}

// A Release says what should run.
type Release interface {
	// Want returns the digest that a service should run: its own where its image's content has not changed. The
	// error wraps fs.ErrNotExist while the image is not pushed yet.
	Want(ctx context.Context, service Service) (digest string, err error)
}
