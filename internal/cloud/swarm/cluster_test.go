//go:build swarm

package swarm_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/sandbox"
)

// quick is how the tests judge an update.
var quick = cloud.Options{Monitor: time.Second, Timeout: 30 * time.Second}

// The tests share one cluster, and a registry behind a password that its nodes reach.
var (
	shared   *sandbox.Cluster
	starting sync.Mutex
	images   string // the registry's address
	password = rand.Text()
)

// begin starts the cluster where there is none.
func begin() (err error) {
	starting.Lock()
	defer starting.Unlock()
	if shared != nil {
		return nil
	}
	if shared, err = sandbox.StartCluster(context.Background(), 3, log.Printf); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", shared.Gateway+":0")
	if err != nil {
		return err
	}
	images = listener.Addr().String()
	go func() { _ = http.Serve(listener, locked()) }()
	return nil
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared != nil {
		if err := shared.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// locked is a registry's handler behind a password.
func locked() http.Handler {
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, given, _ := r.BasicAuth(); given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// A stack is one on the cluster.
type stack struct {
	*target.Stack
	t          testing.TB
	engine     client.APIClient
	name       string
	repository string
	config     target.Config
}

// newStack returns an empty stack, for a test that leaves the cluster to the others. It goes when the test ends.
func newStack(t *testing.T) *stack {
	t.Helper()
	t.Parallel()
	return newStackAlone(t)
}

// newStackAlone is for a test that needs the cluster for itself.
func newStackAlone(t testing.TB) *stack {
	t.Helper()
	if err := sandbox.CanCluster(); err != nil && os.Getenv("HOTFIX_NEED_ENGINE") == "1" {
		t.Fatalf("HOTFIX_NEED_ENGINE=1: %v", err)
	} else if err != nil {
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	s := &stack{t: t, engine: shared.Nodes[0].Engine, name: "shop" + strings.ToLower(rand.Text()[:6])}
	s.repository = images + "/acme/" + s.name
	s.config = target.Config{Auth: auth, Image: image}
	s.Stack = target.New(s.engine, s.name, s.config)
	t.Cleanup(s.remove)
	return s
}

// newStackDoomed is for a test that kills a node, and so the last one on its cluster: the engine may pass on no logs of a
// node that has come back.
func newStackDoomed(t testing.TB) *stack {
	t.Helper()
	t.Cleanup(func() {
		if shared == nil { // there can't be one here
			return
		}
		if err := shared.Close(); err != nil {
			t.Error(err)
		}
		shared = nil
	})
	return newStackAlone(t)
}

func (s *stack) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	list, err := s.engine.ServiceList(ctx, client.ServiceListOptions{Filters: s.filter()})
	if err != nil {
		s.t.Error(err)
	}
	for _, one := range list.Items {
		if s.t.Failed() {
			s.explain(one)
		}
		_, _ = s.engine.ServiceRemove(ctx, one.ID, client.ServiceRemoveOptions{})
	}
}

// explain tells what a service of a failed test looked like.
func (s *stack) explain(one swarm.Service) {
	s.t.Logf("%s: %+v, %s, force %d, labels %v", one.Spec.Name, one.UpdateStatus, one.Spec.TaskTemplate.ContainerSpec.Image, one.Spec.TaskTemplate.ForceUpdate, one.Spec.Labels)
	tasks, _ := s.engine.TaskList(context.Background(), client.TaskListOptions{Filters: client.Filters{}.Add("service", one.ID)})
	for _, t := range tasks.Items {
		s.t.Logf("  %s slot %d node %s wanted %s is %s %q %s", t.Spec.ContainerSpec.Image[len(t.Spec.ContainerSpec.Image)-12:], t.Slot, t.NodeID, t.DesiredState, t.Status.State, t.Status.Err, t.Status.Timestamp.Format("05.000"))
	}
}

func (s *stack) filter() client.Filters {
	return client.Filters{}.Add("label", "com.docker.stack.namespace="+s.name)
}

func (s *stack) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// up makes a service, and waits until it runs.
func (s *stack) up(service, ref string, more ...func(*swarm.ServiceSpec)) {
	s.t.Helper()
	s.create(service, ref, more...)
	s.await(service+" runs", func() bool { now := s.service(service); return now.Running > 0 && now.Running == now.Containers })
}

// create makes a service as `docker stack deploy` does.
func (s *stack) create(service, ref string, more ...func(*swarm.ServiceSpec)) {
	s.t.Helper()
	one := uint64(1)
	spec := swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: s.name + "_" + service, Labels: map[string]string{"com.docker.stack.namespace": s.name}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{Image: ref, Labels: map[string]string{"com.docker.stack.namespace": s.name}},
			RestartPolicy: &swarm.RestartPolicy{Delay: new(time.Duration)},
		},
		Mode: swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &one}},
	}
	for _, m := range more {
		m(&spec)
	}
	encoded, err := auth(s.t.Context(), "")
	s.must(err)
	_, err = s.engine.ServiceCreate(s.t.Context(), client.ServiceCreateOptions{Spec: spec, EncodedRegistryAuth: encoded})
	s.must(err)
}

// await waits for something on the cluster.
func (s *stack) await(what string, is func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !is(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("a minute has passed, and not: %s", what)
		}
	}
}

// service returns what the stack says of a service.
func (s *stack) service(name string) cloud.Service {
	s.t.Helper()
	services, err := s.Services(s.t.Context())
	s.must(err)
	for _, one := range services {
		if one.Name == name {
			return one
		}
	}
	s.t.Fatalf("there is no service %s in %v", name, services)
	return cloud.Service{}
}

// is fails the test unless the service is settled on a digest, and every task runs it.
func (s *stack) is(name, ref string, containers int) {
	s.t.Helper()
	now := s.service(name)
	if now.Digest != digest(ref) || now.Interrupted || now.Healthy != containers || now.Containers != containers {
		s.t.Errorf("%+v, want %s, settled and %d healthy", now, digest(ref), containers)
	}
}

func (s *stack) inspect(name string) swarm.Service {
	s.t.Helper()
	found, err := s.engine.ServiceInspect(s.t.Context(), s.name+"_"+name, client.ServiceInspectOptions{})
	s.must(err)
	return found.Service
}

// freePort is one that no other test publishes.
func freePort() uint32 { return 8000 + lastPort.Add(1) }

var lastPort atomic.Uint32

func replicas(n uint64) func(*swarm.ServiceSpec) {
	return func(spec *swarm.ServiceSpec) { spec.Mode.Replicated.Replicas = &n }
}

func hostPort(n uint32) func(*swarm.ServiceSpec) {
	return func(spec *swarm.ServiceSpec) {
		spec.EndpointSpec = &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR, Ports: []swarm.PortConfig{
			{Protocol: "tcp", TargetPort: 8080, PublishedPort: n, PublishMode: swarm.PortConfigPublishModeHost}}}
	}
}

func on(constraints ...string) func(*swarm.ServiceSpec) {
	return func(spec *swarm.ServiceSpec) {
		spec.TaskTemplate.Placement = &swarm.Placement{Constraints: constraints}
	}
}

// edit changes a service as somebody else would.
func (s *stack) edit(name string, change func(*swarm.ServiceSpec)) {
	s.t.Helper()
	now := s.inspect(name)
	change(&now.Spec)
	_, err := s.engine.ServiceUpdate(s.t.Context(), now.ID, client.ServiceUpdateOptions{Version: now.Version, Spec: now.Spec})
	s.must(err)
}
