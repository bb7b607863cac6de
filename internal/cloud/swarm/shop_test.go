//go:build swarm

package swarm_test

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// A release wants one digest for each repository; what is not in it is not pushed yet.
type release map[string]string

func (r release) Want(_ context.Context, s cloud.Service) (string, error) {
	if digest, ok := r[s.Repository]; ok {
		return digest, nil
	}
	return "", fmt.Errorf("%s: %w", s.Repository, fs.ErrNotExist)
}

// A shop is three services of two images, each on a port of its own on every node, and a release that changes all.
type shop struct {
	*stack
	rollout                      cloud.Rollout
	wanted                       release
	php, nginx, newPHP, newNginx string
	base                         map[string]string
	ports                        []uint32
}

// newShop has a release whose nginx image is of this mode, on a cluster that other tests use too.
func newShop(t *testing.T, mode string) *shop {
	t.Helper()
	t.Parallel()
	return newShopAlone(t, mode)
}

// newShopAlone has the cluster for itself.
func newShopAlone(t *testing.T, mode string) *shop {
	t.Helper()
	s := &shop{stack: newStackAlone(t), wanted: release{}, ports: []uint32{freePort(), freePort(), freePort()}}
	repository := s.repository
	repositories := []string{repository + "-php", repository + "-nginx"}
	s.repository = repositories[0]
	s.php, s.newPHP = s.push("git-commit-1", "1", "", checked), s.push("git-commit-2", "2", "", checked)
	s.repository = repositories[1]
	s.nginx, s.newNginx = s.push("git-commit-1", "1", "nginx", checked), s.push("git-commit-2", "2", mode, checked)
	s.up("phpfiles", s.php, hostPort(s.ports[0]))
	s.up("phpha", s.php, hostPort(s.ports[1]), replicas(2))
	s.up("web", s.nginx, hostPort(s.ports[2]))
	s.rollout = cloud.Rollout{Stack: s.Stack, Release: s.wanted, Repositories: repositories, Order: []string{"phpha", "web"},
		First: "phpfiles", Monitor: quick.Monitor, Timeout: quick.Timeout,
		Baseline: func(context.Context) (map[string]string, error) { return s.base, nil }}
	return s
}

func (s *shop) release() {
	var err error
	s.base, err = cloud.Digests(s.t.Context(), s.Stack, s.rollout.Repositories)
	s.must(err)
	s.wanted[s.rollout.Repositories[0]], s.wanted[s.rollout.Repositories[1]] = digest(s.newPHP), digest(s.newNginx)
}

// world is a snapshot of everything that a phase could change here.
func (s *shop) world() string {
	s.t.Helper()
	list, err := s.engine.ServiceList(s.t.Context(), client.ServiceListOptions{Filters: s.filter()})
	s.must(err)
	var lines []string
	for _, one := range list.Items {
		lines = append(lines, fmt.Sprint(one.ID, one.Version, one.Spec.Name))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// plan plans, and fails the test if that changed anything or the plan is not as said.
func (s *shop) plan(p flow.Phase, want ...string) []flow.Action {
	s.t.Helper()
	before := s.world()
	actions, err := p.Plan(s.t.Context())
	if _, nothing := flow.NothingToDo(err); err != nil && !nothing {
		s.t.Fatalf("%s: %v", p.Name(), err)
	}
	if after := s.world(); after != before {
		s.t.Errorf("planning %s changed\n%s\nto\n%s", p.Name(), before, after)
	}
	var have []string
	for _, a := range actions {
		have = append(have, a.What)
	}
	if len(have) != len(want) {
		s.t.Fatalf("%s plans %q, want %q", p.Name(), have, want)
	}
	for i := range want {
		if !strings.Contains(have[i], want[i]) {
			s.t.Errorf("%s plans %q, want %q", p.Name(), have, want)
		}
	}
	return actions
}

func (s *shop) do(actions []flow.Action) {
	s.t.Helper()
	for _, a := range actions {
		if err := a.Do(s.t.Context(), flow.Silent{}); err != nil {
			s.t.Fatalf("%s: %v", a.What, err)
		}
	}
}
