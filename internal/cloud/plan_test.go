package cloud_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// stack is services that do what they are told: enough for what phases decide. What really happens to containers is
// tested on a real engine, in compose.
type stack struct {
	services []cloud.Service
	updated  []string
	exit     int
	unwell   error
	job      cloud.Job // how each ends
}

func (s *stack) Place() string { return "a stack" }
func (s *stack) Services(context.Context) ([]cloud.Service, error) {
	return slices.Clone(s.services), nil
}
func (s *stack) Logs(context.Context, string, bool, int, io.Writer) error { return nil }
func (s *stack) Shell(context.Context, string, []string, *os.File, *os.File) (int, error) {
	return 0, nil
}
func (s *stack) Job(context.Context, string) (cloud.Job, bool, error) { return cloud.Job{}, false, nil }
func (s *stack) RunJob(context.Context, cloud.JobSpec, flow.Report) (cloud.Job, error) {
	return s.job, nil
}

func (s *stack) Health(context.Context, string, time.Duration) (cloud.Health, error) {
	return cloud.Health{}, s.unwell
}

func (s *stack) Exec(context.Context, string, []string, io.Writer) (int, error) { return s.exit, nil }

func (s *stack) Update(ctx context.Context, service, ref string, o cloud.Options, report flow.Report) error {
	if o.Check != nil {
		if err := o.Check(ctx, report); err != nil {
			return err
		}
	}
	for i := range s.services {
		if s.services[i].Name == service {
			_, s.services[i].Digest, _ = strings.Cut(ref, "@")
			s.services[i].Interrupted = false
			s.updated = append(s.updated, service+"="+s.services[i].Digest)
		}
	}
	return nil
}

// wants says the digest for each repository; empty is not pushed, and what is missing stays what it is.
type wants map[string]string

func (w wants) Want(_ context.Context, s cloud.Service) (string, error) {
	switch want, ok := w[s.Repository]; {
	case !ok:
		return s.Digest, nil
	case want == "":
		return "", fmt.Errorf("not pushed: %w", fs.ErrNotExist)
	default:
		return want, nil
	}
}

func service(name, repository, digest string) cloud.Service {
	return cloud.Service{Name: name, Repository: repository, Tag: "live", Image: repository + ":live", Digest: digest, Containers: 1, Running: 1, Healthy: 1}
}

// three is a stack of three services of two images, and a database that is none of ours.
func three() *stack {
	return &stack{services: []cloud.Service{service("db", "mariadb", "d1"), service("phpfiles", "php", "p1"), service("phpha", "php", "p1"), service("web", "nginx", "n1")}}
}

func rollout(s *stack, w wants, base map[string]string) cloud.Rollout {
	return cloud.Rollout{Stack: s, Release: w, Repositories: []string{"php", "nginx"}, First: "phpfiles",
		Baseline: func(context.Context) (map[string]string, error) { return base, nil }}
}

var before = map[string]string{"phpfiles": "p1", "phpha": "p1", "web": "n1"}

// planned returns the services that the phases would touch, "-" between them.
func planned(t *testing.T, r cloud.Rollout) string {
	t.Helper()
	var all []string
	for _, p := range []flow.Phase{cloud.Canary{Rollout: r}, cloud.Redeploy{Rollout: r}} {
		actions, err := p.Plan(t.Context())
		if _, nothing := flow.NothingToDo(err); err != nil && !nothing {
			t.Fatal(err)
		}
		for _, a := range actions {
			all = append(all, strings.Fields(a.What)[1])
		}
		all = append(all, "-")
	}
	return strings.Join(all[:len(all)-1], " ")
}

func TestWhatIsPlanned(t *testing.T) {
	set := func(s *stack, name string, change func(*cloud.Service)) *stack {
		i := slices.IndexFunc(s.services, func(x cloud.Service) bool { return x.Name == name })
		change(&s.services[i])
		return s
	}
	at := func(digest string) func(*cloud.Service) { return func(s *cloud.Service) { s.Digest = digest } }
	for _, test := range []struct {
		name  string
		stack *stack
		wants wants
		base  map[string]string
		order []string
		want  string
	}{
		{"all", three(), wants{"php": "p2", "nginx": "n2"}, before, nil, "phpfiles - phpha web"},
		{"in order", three(), wants{"php": "p2", "nginx": "n2"}, before, []string{"web", "phpfiles", "phpha"}, "phpfiles - web phpha"},
		{"no baseline yet", three(), wants{"php": "p2"}, nil, nil, "phpfiles - phpha"},
		{"not pushed", three(), wants{"php": "", "nginx": "n1"}, nil, nil, "phpfiles - phpha"},
		{"the canary is not affected", three(), wants{"nginx": "n2"}, before, nil, "web -"},
		{"nothing", three(), wants{}, before, nil, "-"},
		{"resumed after the canary", set(three(), "phpfiles", at("p2")), wants{"php": "p2", "nginx": "n2"}, before, nil, "- phpha web"},
		{"the baseline is what counts", set(three(), "phpfiles", at("p2")), wants{"php": "p2"}, before, nil, "- phpha"},
		{"a second commit takes web's change back", set(three(), "web", at("n2")), wants{"nginx": "n1"}, before, nil, "web -"},
		{"interrupted", set(three(), "phpfiles", func(s *cloud.Service) { s.Digest, s.Interrupted = "p2", true }), wants{"php": "p2"}, before, nil, "phpfiles - phpha"},
		{"its replicas differ", set(three(), "phpha", at("")), wants{"php": "p2"}, before, nil, "phpfiles - phpha"},
		{"ran to its end", set(three(), "phpha", func(s *cloud.Service) { s.Completed = true }), wants{"php": "p2"}, before, nil, "phpfiles -"},
		{"not ours", three(), wants{"mariadb": "d2"}, before, nil, "-"},
	} {
		r := rollout(test.stack, test.wants, test.base)
		r.Order = test.order
		if have := planned(t, r); have != test.want {
			t.Errorf("%s: planned %q, want %q", test.name, have, test.want)
		}
	}
}

func TestNoWayBackIsRefused(t *testing.T) {
	s := three()
	s.services[1].Digest = ""
	r := rollout(s, wants{"php": "p2"}, nil)
	if _, err := (cloud.Canary{Rollout: r}).Plan(t.Context()); !errors.Is(err, cloud.ErrUnknownDigest) || len(flow.Hints(err)) == 0 {
		t.Errorf("planned: %v", err)
	}
	if _, err := cloud.Digests(t.Context(), s, r.Repositories); !errors.Is(err, cloud.ErrUnknownDigest) {
		t.Errorf("a baseline without a digest: %v", err)
	}
}

func TestRestoreTouchesOursAlone(t *testing.T) {
	s := three()
	s.services = []cloud.Service{service("db", "mariadb", "d2"), service("phpfiles", "php", "p2"), service("phpha", "php", "p1"), service("web", "nginx", "n2")}
	base := maps.Clone(before)
	base["db"], base["gone"] = "d1", "g1"
	actions, err := cloud.Restore{Rollout: rollout(s, wants{}, base)}.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range actions {
		if err := a.Do(t.Context(), flow.Silent{}); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"web=n1", "phpfiles=p1"}; !slices.Equal(s.updated, want) {
		t.Errorf("updated %v, want %v", s.updated, want)
	}
}

func TestGate(t *testing.T) {
	s := three()
	r := rollout(s, wants{"php": "p2"}, before)
	r.Checks = []cloud.Command{{Run: []string{"bin/smoke.sh"}}}
	phase := cloud.Redeploy{Rollout: r, Looks: cloud.Looks(s, nil, nil)}
	gate := func() *flow.Gate {
		t.Helper()
		g, err := phase.Gate(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if gate() != nil {
		t.Error("a gate without a canary")
	}
	s.services[1].Digest = "p2"
	g := gate()
	if g == nil || g.Subject != "p2" || len(g.Looks) != 2 {
		t.Fatalf("the gate is %+v", g)
	}
	if err := g.Ready(t.Context(), flow.Silent{}); err != nil {
		t.Error(err)
	}
	s.exit = 1
	if err := g.Ready(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "bin/smoke.sh") {
		t.Errorf("accepted although its check fails: %v", err)
	}
	s.exit, s.unwell = 0, errors.New("it is unhealthy")
	if err := g.Ready(t.Context(), flow.Silent{}); err == nil {
		t.Error("accepted although it is unhealthy")
	}
}

func TestProven(t *testing.T) {
	s := three()
	for _, test := range []struct {
		change func()
		says   string
	}{
		{func() {}, "phpfiles runs p1, not p2"},
		{func() { s.services[1].Digest, s.services[2].Digest = "p2", "p2" }, ""},
		{func() { s.services[2].Healthy = 0 }, "phpha: 1 of 1 running, 0 healthy"},
		{func() { s.services[2].Healthy, s.services[1].Interrupted = 1, true }, "interrupted"},
	} {
		test.change()
		err := cloud.Proven(t.Context(), s, wants{"php": "p2"}, []string{"php", "nginx"})
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v, want %q", err, test.says)
		}
	}
}

// TestAMigrationWhoseOutputIsLost: that it ended well is known all the same; what is pending is not.
func TestAMigrationWhoseOutputIsLost(t *testing.T) {
	for _, pending := range [][]string{nil, {"bin/migrate.sh", "--status"}} {
		s := three()
		s.job = cloud.Job{Ended: time.Now(), Unread: errors.New("its node is not available")}
		m := cloud.Migrate{Stack: s, Release: wants{"php": "p2"}, Spec: &cloud.Migration{Service: "phpfiles", Pending: pending, Run: []string{"bin/migrate.sh"}}}
		actions, err := m.Plan(t.Context())
		if err != nil || len(actions) != 1 {
			t.Fatalf("%v, %v", actions, err)
		}
		err = actions[0].Do(t.Context(), flow.Silent{})
		if (err != nil) != (pending != nil) || err != nil && !strings.Contains(err.Error(), "not available") {
			t.Errorf("with %q: %v", pending, err)
		}
	}
}
