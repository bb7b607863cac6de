package build

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"hotfix/internal/sandbox"
)

const commit = "9c1e04b7d1a5f0c2b3a4958677f6e5d4c3b2a190"

// A rig is a synced build directory with an application that writes where it runs.
type rig struct {
	Directory
	engine client.APIClient
	name   string
	port   int
}

const composeFile = `
name: acme
services:
  web:
    image: BASE
    container_name: NAME-web
    command: [perl, /app/server.pl]
    restart: always
    working_dir: /app
    ports: ["127.0.0.1:${WEB_PORT}:80"]
    volumes: [".:/app", "data:/data"]
    environment: { GREETING: "${GREETING:-hello}" }
    depends_on: { migrate: { condition: service_completed_successfully } }
    healthcheck: { test: [CMD, test, -e, /app/up], interval: 500ms, retries: 20 }
  migrate:
    image: BASE
    command: [sh, -c, "echo 1 > /data/schema"]
    volumes: ["data:/data"]
  worker:
    image: BASE
    profiles: [tools]
    working_dir: /app
    volumes: [".:/app", "data:/data"]
volumes: { data: { name: NAME-data } }
networks: { default: { name: NAME-net } }
`

const serverScript = `use IO::Socket::INET;
my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1) or die "no socket: $!";
open(my $up, '>', '/app/up') or die "can't write where it runs: $!"; close $up;
while (my $c = $s->accept) {
  my $line = <$c>;
  while (<$c>) { last if /^\r?\n$/ }
  my $schema = do { open(my $f, '<', '/data/schema'); local $/; <$f> };
  if ($line =~ m{ /status }) { print $c "HTTP/1.0 200 OK\r\n\r\n$ENV{GREETING}, schema $schema" }
  elsif ($line =~ m{ /moved }) { print $c "HTTP/1.0 302 Found\r\nLocation: https://www.example.com/\r\n\r\n" }
  else { print $c "HTTP/1.0 500 Oops\r\n\r\nit is broken" }
  close $c;
}
`

func newRig(t *testing.T) *rig {
	t.Helper()
	engine := sandbox.Engine(t)
	p := &rig{Directory: Directory{Path: filepath.Join(t.TempDir(), "acme-build")}, engine: engine,
		name: "build-test-" + strings.ToLower(rand.Text()[:8]), port: freePort(t)}
	text := strings.NewReplacer("BASE", sandbox.Base(t), "NAME", p.name).Replace(composeFile)
	write(t, p.Path, "docker-compose.yml", text)
	write(t, p.Path, "server.pl", serverScript)
	write(t, p.Path, ".git/config", "")
	p.sync(t)
	t.Cleanup(func() { p.gone(t) })
	return p
}

// sync stamps the directory as it is.
func (p *rig) sync(t *testing.T) {
	t.Helper()
	content, err := p.Content(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stamp, err := json.Marshal(Stamp{Commit: commit, Content: content})
	if err != nil {
		t.Fatal(err)
	}
	write(t, p.Path, ".git/hotfix/stamp.json", string(stamp))
}

func (p *rig) verify(t *testing.T, spec Verification) Verify {
	t.Helper()
	variables, err := NewVariables(Routine{}, map[string]string{"WEB_PORT": strconv.Itoa(p.port)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Verify{Directory: p.Directory, Commit: commit, Spec: &spec, Project: p.name, Engine: p.engine, Variables: variables}
}

func (p *rig) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", p.port, path) }

// gone proves that nothing of the verification is left, neither on the engine nor beside the directory.
func (p *rig) gone(t *testing.T) {
	t.Helper()
	for _, what := range []string{"verify", "prepare"} {
		stack, restore, err := newComposition(p.engine, projectName(what, p.name, p.Path), &told{})
		if err != nil {
			t.Fatal(err)
		}
		defer restore()
		ours, foreign, err := stack.resources(t.Context())
		if t.Context().Err() == nil && (err != nil || len(ours)+len(foreign) > 0) {
			t.Errorf("still there: %v %v %v", ours, foreign, err)
		}
	}
	if _, err := os.Stat(p.Path + ".verify"); err == nil {
		t.Error("the copy is still there")
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 30 s for %s", what)
		}
	}
}

func answers(url string) bool {
	response, err := http.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// told is a Report that remembers.
type told struct {
	mu    sync.Mutex
	text  strings.Builder
	facts map[string]string
}

func (r *told) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *told) Progress(string, int64, int64) {}

func (r *told) Fact(name, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.facts == nil {
		r.facts = map[string]string{}
	}
	r.facts[name] = value
}

func (r *told) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var facts strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.facts)) {
		fmt.Fprintf(&facts, "%s = %s\n", name, r.facts[name])
	}
	return r.text.String() + facts.String()
}

var _ io.Writer = (*told)(nil)
