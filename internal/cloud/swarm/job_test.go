//go:build swarm

package swarm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	target "hotfix/internal/cloud/swarm"
	"hotfix/internal/flow"
)

// data is a volume that the service and its jobs share on the node where the tests can run commands.
func data(s *stack) func(*swarm.ServiceSpec) {
	return func(spec *swarm.ServiceSpec) {
		on("node.role==manager")(spec)
		spec.TaskTemplate.ContainerSpec.Mounts = []mount.Mount{{Type: mount.TypeVolume, Source: s.name, Target: "/data"}}
	}
}

func TestJob(t *testing.T) {
	s := newStack(t)
	old, next := s.push("live", "1", ""), s.push("next", "2", "")
	s.up("web", old, on("node.role==worker"), func(spec *swarm.ServiceSpec) {
		spec.TaskTemplate.ContainerSpec.Env = []string{"DATA=none"}
	})
	run := func(key string, command ...string) (cloud.Job, string) {
		t.Helper()
		out := &report{}
		spec := cloud.JobSpec{Key: key, Service: "web", Ref: next, Command: append([]string{"/app"}, command...), Env: map[string]string{"DATA": "example"}}
		job, err := s.RunJob(t.Context(), spec, out)
		s.must(err)
		return job, out.String()
	}
	if _, found, err := s.Job(t.Context(), "a"); found || err != nil {
		t.Errorf("a job that nobody began: %v, %v", found, err)
	}
	job, out := run("a", "job", "0", "migrated")
	if job.Exit != 0 || job.Output != "migrated 2 example\n" || strings.Count(out, "on stderr\n") != 1 || strings.Count(out, "migrated 2 example\n") != 1 {
		t.Errorf("%+v, streamed %q", job, out)
	}
	seen, found, err := s.Job(t.Context(), "a")
	if !found || err != nil || seen.Output != job.Output || seen.Running || time.Since(seen.Ended) > time.Minute {
		t.Errorf("afterwards: %+v, %v, %v", seen, found, err)
	}
	if again, out := run("a", "job", "1", "twice"); again.Exit != 0 || strings.Contains(out, "twice") || again.Output != job.Output {
		t.Errorf("it was run again: %+v, %q", again, out)
	}
	if job, _ := run("b", "job", "7", "first"); job.Exit != 7 || !strings.HasPrefix(job.Output, "first") {
		t.Errorf("%+v, want exit status 7", job)
	}
	if seen, _, _ := s.Job(t.Context(), "b"); seen.Exit != 7 {
		t.Errorf("%+v", seen)
	}
	if job, _ := run("b", "job", "0", "second"); job.Exit != 0 || !strings.HasPrefix(job.Output, "second") {
		t.Errorf("after a failure: %+v", job)
	}
	if seen, _, _ := s.Job(t.Context(), "b"); seen.Exit != 0 {
		t.Errorf("after a failure and a success: %+v", seen)
	}
	spec := cloud.JobSpec{Key: "d", Service: "web", Ref: next, Command: []string{"/missing"}}
	words := &report{}
	if job, err := s.RunJob(t.Context(), spec, words); err != nil || job.Exit != 127 || !strings.Contains(words.String(), "/missing") {
		t.Errorf("%+v, %v: %s", job, err, words)
	}
	if services, _ := s.Services(t.Context()); len(services) != 1 {
		t.Errorf("a job is taken for a service: %v", services)
	}
}

func TestJobIsWatchedAgain(t *testing.T) {
	s := newStack(t)
	ref := s.push("live", "1", "")
	s.up("web", ref, data(s))
	spec := cloud.JobSpec{Key: "slow", Service: "web", Ref: ref, Command: []string{"/app", "wait", "4", "/data/go"}}
	ctx, kill := context.WithCancel(t.Context())
	first := &report{}
	killed := make(chan error)
	go func() { _, err := s.RunJob(ctx, spec, first); killed <- err }()
	s.await("it prints", func() bool { return strings.Contains(first.String(), "waiting") })
	kill()
	if err := <-killed; !errors.Is(err, context.Canceled) || !strings.Contains(strings.Join(flow.Hints(err), ""), "watches it again") {
		t.Errorf("%v, %v", err, flow.Hints(err))
	}
	if job, found, err := s.Job(t.Context(), "slow"); !job.Running || !found || err != nil {
		t.Fatalf("it does not go on: %+v, %v, %v", job, found, err)
	}
	again := &report{}
	ended := make(chan cloud.Job)
	other := target.New(s.engine, s.name, s.config)
	go func() { job, _ := other.RunJob(t.Context(), spec, again); ended <- job }()
	s.await("it is watched again", func() bool { return strings.Contains(again.String(), "waiting") })
	if exit, err := s.Exec(t.Context(), "web", []string{"/app", "write", "/data/go", ""}, &report{}); exit != 0 || err != nil {
		t.Fatal(exit, err)
	}
	job := <-ended
	if job.Exit != 4 || job.Output != "waiting\nwaited\n" || strings.Count(again.String(), "waiting\n") != 1 {
		t.Errorf("%+v, %s", job, again)
	}
	if jobs, _ := s.engine.ServiceList(t.Context(), listJobs(s)); len(jobs.Items) != 1 {
		t.Errorf("%d jobs were made", len(jobs.Items))
	}
}
