package registry

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	fake "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"hotfix/internal/flow"
)

// server is a registry with TLS and a password, in this process. It counts what is not a read, and fails the
// request after failAfter writes (0: never).
type server struct {
	host      string
	writes    atomic.Int64
	failAfter atomic.Int64
}

// settle waits for requests that a push which gave up had under way.
func (s *server) settle() {
	for seen := int64(-1); seen != s.writes.Load(); time.Sleep(100 * time.Millisecond) {
		seen = s.writes.Load()
	}
}

// quick does not keep a test waiting.
var quick = remote.Backoff{Duration: 20 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 5}

type login struct{ user, password string }

// Resolve implements authn.Keychain.
func (l login) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig{Username: l.user, Password: l.password}), nil
}

func serve(t *testing.T) (*Registry, *server) {
	t.Helper()
	s := &server{}
	inner := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	https := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "deploy" || password != "s3cret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="r"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}`, http.StatusUnauthorized)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if n := s.writes.Add(1); s.failAfter.Load() > 0 && n > s.failAfter.Load() {
				http.Error(w, "disk full", http.StatusInsufficientStorage)
				return
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(https.Close)
	https.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.host = strings.TrimPrefix(https.URL, "https://")
	certs := t.TempDir()
	if err := os.Mkdir(filepath.Join(certs, s.host), 0o755); err != nil {
		t.Fatal(err)
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: https.Certificate().Raw})
	if err := os.WriteFile(filepath.Join(certs, s.host, "ca.crt"), ca, 0o644); err != nil {
		t.Fatal(err)
	}
	return &Registry{keychain: login{"deploy", "s3cret"}, transport: newTransport([]string{certs}), backoff: quick}, s
}

type built map[string]v1.Image

func (b built) Image(_ context.Context, name string) (v1.Image, error) {
	if image, ok := b[name]; ok {
		return image, nil
	}
	return nil, fs.ErrNotExist
}

func image(t *testing.T, revision string) v1.Image {
	t.Helper()
	base, err := random.Image(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	labelled, err := mutate.Config(base, v1.Config{Labels: map[string]string{"revision": revision}})
	if err != nil {
		t.Fatal(err)
	}
	return labelled
}

func accept(_ context.Context, image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	if config.Config.Labels["revision"] != "9c1e04b" {
		return errors.New("it holds another commit")
	}
	return nil
}

func pushOf(r *Registry, s *server, images built) *Push {
	return &Push{Registry: r, Built: images, Accept: accept, Targets: []Target{
		{"php", s.host + "/acme/php", "git-commit-9c1e04b"}, {"nginx", s.host + "/acme/nginx", "git-commit-9c1e04b"}}}
}

// plan returns the plan of a phase and fails the test if making it has changed the registry.
func plan(t *testing.T, s *server, p flow.Phase) []flow.Action {
	t.Helper()
	before := s.writes.Load()
	actions, err := p.Plan(t.Context())
	if _, nothing := flow.NothingToDo(err); err != nil && !nothing {
		t.Fatal(err)
	}
	if s.writes.Load() != before {
		t.Fatalf("planning %s wrote to the registry", p.Name())
	}
	return actions
}

func do(t *testing.T, actions []flow.Action) error {
	t.Helper()
	for _, a := range actions {
		if err := a.Do(t.Context(), flow.Silent{}); err != nil {
			return err
		}
	}
	return nil
}

func TestPushKeepsTheLaw(t *testing.T) {
	r, s := serve(t)
	images := built{}
	p := pushOf(r, s, images)
	if got := plan(t, s, p); len(got) != 1 || !strings.Contains(got[0].What, "once it is built") {
		t.Fatalf("before the build: %v", got)
	}
	images["php"], images["nginx"] = image(t, "9c1e04b"), image(t, "9c1e04b")
	if err := do(t, plan(t, s, p)); err != nil {
		t.Fatal(err)
	}
	if left := plan(t, s, p); len(left) > 0 {
		t.Fatalf("after the push there is left: %v", left)
	}
	digest, err := r.Digest(t.Context(), p.Targets[0].Ref())
	want, _ := images["php"].Digest()
	if err != nil || digest != want.String() {
		t.Fatalf("pushed %s, want %s (%v)", digest, want, err)
	}
}

// A push that dies after any of its requests leaves no tag on its own, and the next one completes.
func TestPushKilledAnywhereConverges(t *testing.T) {
	for kill := int64(1); ; kill++ {
		r, s := serve(t)
		p := pushOf(r, s, built{"php": image(t, "9c1e04b"), "nginx": image(t, "9c1e04b")})
		s.failAfter.Store(kill)
		err := do(t, plan(t, s, p))
		s.settle()
		s.failAfter.Store(0)
		if err == nil {
			if kill < 5 {
				t.Fatalf("only %d writes: the faults were not exercised", kill)
			}
			return
		}
		_, php := r.Digest(t.Context(), p.Targets[0].Ref())
		nginx, missing := r.Image(t.Context(), p.Targets[1].Repository+"@"+digestOf(t, p.Built.(built)["nginx"]))
		if php == nil && missing != nil {
			t.Fatalf("killed after %d writes: php is tagged and nginx is not there: %v", kill, nginx)
		}
		if err := do(t, plan(t, s, p)); err != nil {
			t.Fatalf("killed after %d writes, then again: %v", kill, err)
		}
		if left := plan(t, s, p); len(left) > 0 {
			t.Fatalf("killed after %d writes, then again, there is left: %v", kill, left)
		}
	}
}

func TestATagOfAnotherCommitIsNotOverwritten(t *testing.T) {
	r, s := serve(t)
	p := pushOf(r, s, built{"php": image(t, "another"), "nginx": image(t, "9c1e04b")})
	if err := do(t, plan(t, s, p)); err != nil {
		t.Fatal(err)
	}
	p.Built = built{"php": image(t, "9c1e04b"), "nginx": image(t, "9c1e04b")}
	if _, err := p.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "is taken: it holds another commit") {
		t.Fatalf("got %v", err)
	}
}

func digestOf(t *testing.T, image v1.Image) string {
	t.Helper()
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func sent(t *testing.T, r *Registry, repository string, image v1.Image) (string, error) {
	t.Helper()
	missing, err := r.missing(t.Context(), repository, image)
	if err != nil {
		return "", err
	}
	return r.upload(t.Context(), repository, image, missing, nil, flow.Silent{})
}

func put(t *testing.T, r *Registry, repository, tag string) string {
	t.Helper()
	digest, err := sent(t, r, repository, image(t, "x"))
	if err == nil {
		err = r.Tag(t.Context(), repository, digest, tag)
	}
	if err != nil {
		t.Fatal(err)
	}
	return digest
}

func TestReplaceAndPutBackKeepTheLaw(t *testing.T) {
	r, s := serve(t)
	repo := s.host + "/acme/php"
	second, old, fresh := put(t, r, repo, "x"), put(t, r, repo, "git-commit-3209ce7"), put(t, r, repo, "git-commit-9c1e04b")
	move := Move{Repository: repo, Tag: "git-commit-3209ce7", Ran: []string{old, second}, Want: fresh}
	moves := func(context.Context) ([]Move, error) { return []Move{move}, nil }
	proven := errors.New("phpfiles still runs the old one")
	p := &Replace{Registry: r, Version: "16.03.1b", Moves: moves, Proven: func(context.Context) error { return proven }}

	if err := do(t, plan(t, s, p)); !errors.Is(err, proven) {
		t.Fatalf("moved although %v: %v", proven, err)
	}
	if now, _ := r.Digest(t.Context(), repo+":"+move.Tag); now != old {
		t.Fatal("the tag moved")
	}
	proven = nil
	if err := do(t, plan(t, s, p)); err != nil {
		t.Fatal(err)
	}
	if left := plan(t, s, p); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
	for _, ran := range move.Ran {
		if kept, err := r.Digest(t.Context(), repo+":"+BeforeTag("16.03.1b", ran)); err != nil || kept != ran {
			t.Errorf("%s was not kept: %s %v", ran, kept, err)
		}
	}
	back := &PutBack{Registry: r, Moves: moves}
	if err := do(t, plan(t, s, back)); err != nil {
		t.Fatal(err)
	}
	if now, _ := r.Digest(t.Context(), repo+":"+move.Tag); now != old {
		t.Fatal("the tag was not put back")
	}
	if left := plan(t, s, back); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
}

func TestReplaceStopsWhereSomeoneElseMovedTheTag(t *testing.T) {
	r, s := serve(t)
	repo := s.host + "/acme/php"
	old, fresh := put(t, r, repo, "old"), put(t, r, repo, "new")
	put(t, r, repo, "git-commit-3209ce7") // neither of them
	move := Move{Repository: repo, Tag: "git-commit-3209ce7", Ran: []string{old}, Want: fresh}
	p := &Replace{Registry: r, Version: "16.03.1b", Moves: func(context.Context) ([]Move, error) { return []Move{move}, nil }}
	if _, err := p.Plan(t.Context()); err == nil || !strings.Contains(err.Error(), "someone else's hotfix?") {
		t.Fatalf("got %v", err)
	}
	if left := plan(t, s, &PutBack{Registry: r, Moves: p.Moves}); len(left) > 0 {
		t.Fatalf("rollback would move someone else's tag: %v", left)
	}
}

// A tag that others use, or that names an index, is moved by a person alone.
func TestReplaceAsksWhereInDoubt(t *testing.T) {
	r, s := serve(t)
	repo := s.host + "/acme/php"
	fresh := put(t, r, repo, "git-commit-9c1e04b")
	many, err := random.Index(512, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(repo + ":git-commit-3209ce7")
	if err == nil {
		err = remote.WriteIndex(ref, many, r.options(t.Context())...)
	}
	if err != nil {
		t.Fatal(err)
	}
	old, err := many.Digest()
	if err != nil {
		t.Fatal(err)
	}
	move := Move{Repository: repo, Tag: "git-commit-3209ce7", Ran: []string{old.String()}, Want: fresh}
	p := &Replace{Registry: r, Version: "16.03.1b", Moves: func(context.Context) ([]Move, error) { return []Move{move}, nil },
		Sharing: func(context.Context, Move) ([]string, error) {
			return []string{"phpfiles of staging runs another image"}, nil
		}}
	actions := plan(t, s, p)
	asks := actions[len(actions)-1].Asks
	if !strings.Contains(asks, "phpfiles of staging") || !strings.Contains(asks, "is an index") {
		t.Errorf("it asks %q", asks)
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	r, s := serve(t)
	wrong := &Registry{keychain: login{"deploy", "wrong"}, transport: r.transport, backoff: quick}
	_, err := wrong.CheckPush(t.Context(), s.host+"/acme/php")
	if hints := flow.Hints(err); len(hints) == 0 || hints[0] != "docker login "+s.host {
		t.Errorf("wrong password: %v %v", err, hints)
	}
	if strings.Contains(err.Error(), "wrong") {
		t.Errorf("the password is in the error: %v", err)
	}
	if found, err := r.CheckPush(t.Context(), s.host+"/acme/php"); err != nil || found != "allowed as deploy" {
		t.Errorf("right password: %q %v", found, err)
	}
	untrusting := &Registry{keychain: r.keychain, transport: newTransport(nil), backoff: quick}
	_, err = untrusting.Digest(t.Context(), s.host+"/acme/php:x")
	if err == nil || !strings.Contains(strings.Join(flow.Hints(err), " "), "certs.d") {
		t.Errorf("unknown CA: %v %v", err, flow.Hints(err))
	}
	if _, err := r.Digest(t.Context(), s.host+"/acme/php:none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing tag: %v", err)
	}
	request, _ := http.NewRequest(http.MethodGet, "http://10.0.0.1/v2/", nil)
	if _, err := r.transport.RoundTrip(request); err == nil || !strings.Contains(err.Error(), "plain HTTP") {
		t.Errorf("plain HTTP: %v", err)
	}
}
