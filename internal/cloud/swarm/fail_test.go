//go:build swarm

package swarm_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

func TestUpdateTakesBackWhatDoesNotWork(t *testing.T) {
	s, port := newStack(t), freePort()
	good, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", good, replicas(2), hostPort(port))
	before, users := s.settings("web"), ask(t, port)
	failing := quick
	failing.Check = func(context.Context, flow.Report) error {
		if now := s.service("web"); now.Digest != digest(next) || !now.Interrupted {
			t.Errorf("when it is checked: %+v", now)
		}
		return errors.New("bin/smoke.sh: exit status 1")
	}
	for _, test := range []struct {
		name, ref string
		options   cloud.Options
		says      []string
	}{
		{"crash", s.push("crash", "2", "crash", checked), quick, []string{"it crashed with exit status 3", "| PHP Fatal error: no such thing", "is back on"}},
		{"again", s.push("crash", "2", "crash", checked), quick, []string{"it crashed with exit status 3", "is back on"}},
		{"unhealthy", s.push("bad", "2", "unhealthy", checked), quick, []string{"unhealthy", "| serving 2 unhealthy", "is back on"}},
		{"check", next, failing, []string{"bin/smoke.sh: exit status 1", "is back on"}},
		{"time", s.push("slow", "2", "unhealthy", checked, func(c *v1.Config) { c.Healthcheck.Retries = 1000 }),
			cloud.Options{Monitor: time.Second, Timeout: 2 * time.Second}, []string{"0 of 2 tasks run after 2s; one is ", "is back on"}},
		{"no such digest", s.repository + ":live@sha256:" + strings.Repeat("0", 64), quick, []string{"nothing was touched", "manifest unknown"}},
		{"no such layer", s.gone(), quick, []string{"it was rejected", "No such image", "is back on"}},
		{"no such command", s.push("none", "2", "", checked, func(c *v1.Config) { c.Entrypoint = []string{"/missing"} }), quick, []string{"/missing", "is back on"}},
	} {
		began := time.Now()
		err := s.Update(t.Context(), "web", test.ref, test.options, flow.Silent{})
		t.Logf("%s: %.1f s: %v", test.name, time.Since(began).Seconds(), err)
		if err == nil {
			t.Errorf("%s: it worked", test.name)
			continue
		}
		for _, want := range test.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q: %v", test.name, want, err)
			}
		}
		s.is("web", good, 2)
		if after := s.settings("web"); after != before {
			t.Errorf("%s: before:\n%s\nafter:\n%s", test.name, before, after)
		}
	}
	users.nothingFailed(t, "one failure after the other")
	// What was tried and taken back works once it is repaired, and so does the same digest after a failed check.
	s.must(s.Update(t.Context(), "web", next, quick, flow.Silent{}))
	s.is("web", next, 2)
}

// gone is an image that the registry still lists and no node can pull: its topmost layer is not there.
func (s *stack) gone() string {
	s.t.Helper()
	layer := static.NewLayer([]byte(s.name), types.DockerUncompressedLayer)
	ref := s.pushLayers("gone", "2", "", []v1.Layer{layer}, checked)
	hash, err := layer.Digest()
	s.must(err)
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodDelete, "http://"+strings.Replace(s.repository, "/", "/v2/", 1)+"/blobs/"+hash.String(), nil)
	s.must(err)
	request.SetBasicAuth("deploy", password)
	response, err := http.DefaultClient.Do(request)
	s.must(err)
	s.must(response.Body.Close())
	if response.StatusCode != http.StatusAccepted {
		s.t.Fatalf("delete a layer: %s", response.Status)
	}
	return ref
}

func TestUpdateNeedsCredentials(t *testing.T) {
	s := newStack(t)
	old := s.push("live", "1", "", checked)
	s.up("web", old)
	next := s.push("next", "2", "", checked)
	locked := target.New(s.engine, s.name, target.Config{})
	err := locked.Update(t.Context(), "web", next, quick, flow.Silent{})
	if err == nil || !strings.Contains(err.Error(), "nothing was touched") || !strings.Contains(strings.Join(flow.Hints(err), " "), "docker login "+images) {
		t.Errorf("%v, %v", err, flow.Hints(err))
	}
	s.is("web", old, 1)
}

// TestOthersChangesStay: what somebody else has changed since is not reverted by taking a digest back.
func TestOthersChangesStay(t *testing.T) {
	s := newStack(t)
	old, next := s.push("live", "1", "", checked), s.push("next", "2", "", checked)
	s.up("web", old)
	o := quick
	o.Check = func(context.Context, flow.Report) error {
		s.edit("web", func(spec *swarm.ServiceSpec) { spec.Labels["note"] = "scaled for the sale"; replicas(2)(spec) })
		return errors.New("no")
	}
	if err := s.Update(t.Context(), "web", next, o, flow.Silent{}); err == nil || !strings.Contains(err.Error(), "is back on") {
		t.Errorf("%v", err)
	}
	s.is("web", old, 2)
	if note := s.inspect("web").Spec.Labels["note"]; note == "" {
		t.Error("the label is gone")
	}
}
