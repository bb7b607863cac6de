package registry

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// A fault answers a request itself, or lets it through to the real registry.
type fault func(w http.ResponseWriter, r *http.Request, number int64) (answered bool)

// faulty is the real registry behind a proxy with a fault, which may be taken away.
type faulty struct {
	store    *sandbox.Registry
	straight *Registry // past the proxy
	through  *Registry
	host     string
	fault    atomic.Pointer[fault]
	requests atomic.Int64
	lie      atomic.Bool // about every digest
}

func newFaulty(t *testing.T, store *sandbox.Registry) *faulty {
	t.Helper()
	ca, err := os.ReadFile(store.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	f := &faulty{store: store}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "https", Host: store.Host})
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}, ErrorLog: log.New(io.Discard, "", 0),
		ModifyResponse: func(answer *http.Response) error {
			if f.lie.Load() && answer.Header.Get("Docker-Content-Digest") != "" {
				answer.Header.Set("Docker-Content-Digest", "sha256:"+strings.Repeat("0", 64))
			}
			return nil
		},
	}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if now := f.fault.Load(); now != nil && (*now)(w, r, f.requests.Add(1)) {
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	f.host = strings.TrimPrefix(server.URL, "https://")
	certs := t.TempDir()
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	for host, text := range map[string][]byte{f.host: own, store.Host: ca} {
		if err := errors.Join(os.Mkdir(filepath.Join(certs, host), 0o755), os.WriteFile(filepath.Join(certs, host, "ca.crt"), text, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	known := login{store.User, store.Password}
	impatient := newTransport([]string{certs})
	impatient.stalled = 300 * time.Millisecond
	f.straight, f.through = &Registry{known, newTransport([]string{certs}), quick}, &Registry{known, impatient, quick}
	return f
}

func (f *faulty) wrong(how fault) {
	f.requests.Store(0)
	f.fault.Store(&how)
}

// sound proves, past the proxy, that a tag is missing or names the whole image that was to be pushed.
func (f *faulty) sound(t *testing.T, target Target, want v1.Image) (there bool) {
	t.Helper()
	_, path, _ := strings.Cut(target.Repository, "/")
	found, err := f.straight.Image(t.Context(), f.store.Host+"/"+path+":"+target.Tag)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := digestOf(t, found); got != digestOf(t, want) {
		t.Errorf("%s names %s", target.Ref(), got)
	}
	if err := validate.Image(found); err != nil {
		t.Errorf("%s names what is not whole: %v", target.Ref(), err)
	}
	return true
}

func drop(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		connection.Close()
	}
}

func answers(w http.ResponseWriter, status int, text string) bool {
	http.Error(w, `{"errors":[{"code":"UNKNOWN","message":"`+text+`"}]}`, status)
	return true
}

func writes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// Against the real registry, whatever stands between: a push completes, or fails and says why, and no tag names what
// was not proven. Once the fault is gone the same push goes on.
func TestPushThroughFaults(t *testing.T) {
	f := newFaulty(t, sandbox.NewRegistry(t))
	var started time.Time
	for _, c := range []struct {
		name  string
		fault fault
		lie   bool
		says  string // how it must fail; empty: it must complete
		least time.Duration
	}{
		{name: "every third connection dropped", fault: func(w http.ResponseWriter, _ *http.Request, n int64) bool {
			if n%3 == 0 {
				drop(w)
			}
			return n%3 == 0
		}},
		{name: "503 to two requests in five", fault: func(w http.ResponseWriter, _ *http.Request, n int64) bool {
			return n%5 < 2 && answers(w, http.StatusServiceUnavailable, "busy")
		}},
		{name: "503 to every second request", fault: func(w http.ResponseWriter, _ *http.Request, n int64) bool {
			return n%2 == 0 && answers(w, http.StatusServiceUnavailable, "busy")
		}},
		{name: "429, to be waited for", least: 2 * time.Second, fault: func(w http.ResponseWriter, r *http.Request, _ int64) bool {
			if !writes(r) || time.Since(started) > 2*time.Second {
				return false
			}
			w.Header().Set("Retry-After", "2")
			return answers(w, http.StatusTooManyRequests, "slow down")
		}},
		{name: "429 for an hour", says: "asks to wait for 1h0m0s", fault: func(w http.ResponseWriter, r *http.Request, _ int64) bool {
			w.Header().Set("Retry-After", "3600")
			return writes(r) && answers(w, http.StatusTooManyRequests, "slow down")
		}},
		{name: "503 for ever", says: "busy", fault: func(w http.ResponseWriter, r *http.Request, _ int64) bool {
			return writes(r) && answers(w, http.StatusServiceUnavailable, "busy")
		}},
		{name: "it stalls at the manifest", says: "timeout", fault: func(_ http.ResponseWriter, r *http.Request, _ int64) bool {
			stalls := r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/")
			if stalls {
				_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that its client has gone
				<-r.Context().Done()
			}
			return stalls
		}},
		{name: "it lies about digests", lie: true, fault: func(http.ResponseWriter, *http.Request, int64) bool { return false }},
		{name: "it forgets what it took", says: "lacks", fault: func(w http.ResponseWriter, r *http.Request, _ int64) bool {
			return r.Method == http.MethodHead && strings.Contains(r.URL.Path, "/blobs/") && answers(w, http.StatusNotFound, "no such blob")
		}},
		{name: "it has another image under the tag", says: "under that tag", fault: func(w http.ResponseWriter, r *http.Request, _ int64) bool {
			if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/manifests/git-commit") {
				return false
			}
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			_, _ = io.WriteString(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}`)
			return true
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			images := built{"php": image(t, "9c1e04b"), "nginx": image(t, "9c1e04b")}
			name := strings.ToLower(strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r
				}
				return '-'
			}, c.name))
			p := &Push{Registry: f.through, Built: images, Accept: accept, Targets: []Target{
				{"php", f.host + "/x" + name + "/php", "git-commit-9c1e04b"}, {"nginx", f.host + "/x" + name + "/nginx", "git-commit-9c1e04b"}}}
			f.fault.Store(nil)
			actions, err := p.Plan(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			started = time.Now()
			f.lie.Store(c.lie)
			f.wrong(c.fault)
			err = do(t, actions)
			took := time.Since(started)
			f.fault.Store(nil)
			f.lie.Store(false)
			t.Logf("after %.1f s: %v %v", took.Seconds(), err, flow.Hints(err))
			php, nginx := f.sound(t, p.Targets[0], images["php"]), f.sound(t, p.Targets[1], images["nginx"])
			switch {
			case c.says == "" && (err != nil || !php || !nginx):
				t.Errorf("it did not complete: %v", err)
			case c.says != "" && err == nil:
				t.Error("it says that it completed")
			case c.says != "" && !strings.Contains(err.Error(), c.says):
				t.Errorf("it says %v", err)
			case c.says != "" && len(flow.Hints(err)) == 0:
				t.Errorf("nothing says what to do about %v", err)
			}
			if took < c.least {
				t.Errorf("it tried again after %s", took)
			}
			if left, err := p.Plan(t.Context()); err == nil && len(left) > 0 {
				err = do(t, left)
				if err != nil || !f.sound(t, p.Targets[0], images["php"]) || !f.sound(t, p.Targets[1], images["nginx"]) {
					t.Errorf("once the fault is gone: %v", err)
				}
			}
		})
	}
}

// A registry whose disk is full: it says so, and the first image that was there before stays as it is.
func TestPushOntoAFullDisk(t *testing.T) {
	f := newFaulty(t, sandbox.NewSmallRegistry(t, 512<<10))
	big, err := random.Image(300<<10, 3)
	if err != nil {
		t.Fatal(err)
	}
	images := built{"php": image(t, "9c1e04b"), "nginx": big}
	p := &Push{Registry: f.through, Built: images, Accept: accept, Targets: []Target{
		{"php", f.host + "/full/php", "git-commit-9c1e04b"}, {"nginx", f.host + "/full/nginx", "git-commit-9c1e04b"}}}
	actions, err := p.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = do(t, actions)
	t.Log(err, flow.Hints(err))
	if err == nil || len(flow.Hints(err)) == 0 || !strings.Contains(flow.Hints(err)[0], "disk is full") {
		t.Errorf("it says %v %v", err, flow.Hints(err))
	}
	if f.sound(t, p.Targets[0], images["php"]) || f.sound(t, p.Targets[1], big) {
		t.Error("a tag is there")
	}
}
