package compose_test

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

func digest(ref string) string { return ref[strings.Index(ref, "@")+1:] }

// A shop is a stack of four services of three images, and a release that changes two of them.
type shop struct {
	*project
	rollout                      cloud.Rollout
	wanted                       release
	php, nginx, newPHP, newNginx string
	base                         map[string]string
}

func newShop(t *testing.T) *shop {
	s := &shop{project: newProject(t), wanted: release{}}
	repository := s.repository
	repositories := []string{repository + "-php", repository + "-nginx"}
	s.repository = repositories[0]
	s.php, s.newPHP = s.push("git-commit-1", "1", ""), s.push("git-commit-2", "2", "")
	s.repository = repositories[1]
	s.nginx, s.newNginx = s.push("git-commit-1", "1", "nginx"), s.push("git-commit-2", "2", "nginx")
	s.repository = repository + "-db"
	s.up("db", 1, s.push("1", "1", "db"))
	s.up("phpfiles", 1, s.php)
	s.up("phpha", 1, s.php)
	s.up("web", 1, s.nginx)
	s.rollout = cloud.Rollout{Stack: s.stack, Release: s.wanted, Repositories: repositories, Order: []string{"web", "phpha"},
		First: "phpfiles", Monitor: quick.Monitor, Timeout: quick.Timeout, Checks: []cloud.Command{{Run: []string{"/app", "job", "0", "check"}}},
		Baseline: func(context.Context) (map[string]string, error) { return s.base, nil }}
	return s
}

func (s *shop) release() {
	var err error
	s.base, err = cloud.Digests(s.t.Context(), s.stack, s.rollout.Repositories)
	s.must(err)
	s.wanted[s.rollout.Repositories[0]], s.wanted[s.rollout.Repositories[1]] = digest(s.newPHP), digest(s.newNginx)
}

// world is a snapshot of everything that a phase could change here.
func (s *shop) world() string {
	s.t.Helper()
	var lines []string
	for _, c := range s.all() {
		lines = append(lines, fmt.Sprint(c.ID, c.Name, c.State.Status, c.State.StartedAt, c.Image, c.ExecIDs))
	}
	images, err := s.engine.ImageList(s.t.Context(), client.ImageListOptions{})
	s.must(err)
	for _, i := range images.Items {
		if strings.Contains(fmt.Sprint(i.RepoDigests), s.name) {
			lines = append(lines, fmt.Sprint(i.ID, i.RepoTags, i.RepoDigests))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// plan plans, and fails the test if that changed anything or the plan is not as said.
func (s *shop) plan(p flow.Phase, want ...string) []flow.Action {
	s.t.Helper()
	before := s.world()
	actions, err := p.Plan(s.t.Context())
	if why, nothing := flow.NothingToDo(err); nothing {
		if why == "" || len(actions) > 0 {
			s.t.Errorf("%s: nothing to do because of %q, but %d actions", p.Name(), why, len(actions))
		}
	} else if err != nil {
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

func (s *shop) gate() *flow.Gate {
	s.t.Helper()
	before := s.world()
	gate, err := cloud.Redeploy{Rollout: s.rollout}.Gate(s.t.Context())
	s.must(err)
	if s.world() != before {
		s.t.Error("looking at the gate changed something")
	}
	return gate
}
