//go:build swarm

package swarm_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/flow"
)

// settings is a service's spec without what an update is about.
func (s *stack) settings(name string) string {
	spec := s.inspect(name).Spec
	spec.TaskTemplate.ContainerSpec.Image, spec.TaskTemplate.ForceUpdate = "", 0
	text, err := json.MarshalIndent(spec, "", " ")
	s.must(err)
	return string(text)
}

func TestUpdateSwapsTheDigestAndNothingElse(t *testing.T) {
	s := newStack(t)
	old, next := s.push("git-commit-1", "1", "", checked), s.push("git-commit-2", "2", "", checked)
	ref := strings.Replace(next, ":git-commit-2", ":git-commit-1", 1)
	s.up("web", old, replicas(2), func(spec *swarm.ServiceSpec) {
		spec.UpdateConfig = &swarm.UpdateConfig{Parallelism: 2, FailureAction: "pause", Order: "stop-first", Monitor: 7e9}
		spec.TaskTemplate.ContainerSpec.Env = []string{"DB_HOST=db"}
	})
	s.is("web", old, 2)
	if now := s.service("web"); now.Labels["org.opencontainers.image.revision"] != "1" || now.Repository != s.repository || now.Tag != "git-commit-1" || now.Detail != "updated start-first" {
		t.Errorf("%+v", now)
	}
	before := s.settings("web")
	s.must(s.Update(t.Context(), "web", ref, quick, flow.Silent{}))
	s.is("web", next, 2)
	if now := s.service("web"); now.Image != ref || now.Labels["org.opencontainers.image.revision"] != "2" {
		t.Errorf("%+v", now)
	}
	if after := s.settings("web"); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
	// What runs already is left alone.
	version := s.inspect("web").Version
	s.must(s.Update(t.Context(), "web", ref, quick, flow.Silent{}))
	if now := s.inspect("web").Version; now != version {
		t.Errorf("a service that runs the digest was changed: %v, %v", version, now)
	}
	s.must(s.Update(t.Context(), "web", old, quick, flow.Silent{}))
	s.is("web", old, 2)
}
