package swarm

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/swarm"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// oneOff turns a service's spec into a job's: the command instead of the entrypoint, as in a shell; nobody can take
// it for the service, by port or health; it runs once.
func (s *Stack) oneOff(service swarm.ServiceSpec, job cloud.JobSpec, tries int) swarm.ServiceSpec {
	one := uint64(1)
	task := service.TaskTemplate
	c := *task.ContainerSpec
	c.Image, c.Command, c.Args = job.Ref, job.Command, nil
	c.Hostname, c.TTY, c.OpenStdin = "", false, false
	c.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	c.Env = slices.Clone(c.Env)
	for _, name := range slices.Sorted(maps.Keys(job.Env)) {
		c.Env = slices.DeleteFunc(c.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		c.Env = append(c.Env, name+"="+job.Env[name])
	}
	task.ContainerSpec = &c
	task.RestartPolicy = &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone}
	task.ForceUpdate = 0
	if p := task.Placement; p != nil {
		task.Placement = &swarm.Placement{Constraints: p.Constraints, Platforms: p.Platforms}
	}
	task.Networks = slices.Clone(task.Networks)
	for i := range task.Networks {
		task.Networks[i].Aliases = nil
	}
	if task.LogDriver != nil && task.LogDriver.Name == "none" {
		task.LogDriver = nil // what it printed is the record
	}
	return swarm.ServiceSpec{
		Annotations:  swarm.Annotations{Name: s.jobName(job.Key, tries), Labels: map[string]string{labelStack: s.name, labelJob: job.Key}},
		TaskTemplate: task,
		Mode:         swarm.ServiceMode{ReplicatedJob: &swarm.ReplicatedJob{MaxConcurrent: &one, TotalCompletions: &one}},
	}
}

// watch passes on what a job prints until it ends. The job itself does not depend on it.
func (s *Stack) watch(ctx context.Context, j *job, report flow.Report) (cloud.Job, error) {
	const hint = "it goes on without us; the same command watches it again"
	following, stop := context.WithCancel(ctx)
	defer stop()
	var passed [2]counter
	passed[0].to, passed[1].to = report, report
	done := make(chan struct{})
	follow := func(t swarm.Task) {
		defer close(done)
		_ = s.taskLog(following, t, true, 0, &passed[0], &passed[1]) // what it misses is read at the end
	}
	follows := false
	for j.running() {
		if !follows && j.task != nil && j.task.Status.ContainerStatus != nil && j.task.Status.ContainerStatus.ContainerID != "" {
			follows = true
			go follow(*j.task)
		}
		if err := pause(ctx); err != nil {
			return cloud.Job{}, flow.Hint(err, hint)
		}
		now, err := s.jobOf(ctx, j.service)
		if err != nil {
			return cloud.Job{}, flow.Hint(err, hint)
		}
		j = now
	}
	if follows {
		s.drain(&passed)
		stop() // the stream of a job that has ended goes on for ever
		<-done
	}
	if said := j.task.Status; said.State != swarm.TaskStateComplete && said.Err != "" {
		fmt.Fprintf(report, "%s on %s: %s\n", j.service.Spec.Name, s.nodeName(ctx, j.task.NodeID), said.Err)
	}
	result, err := s.ended(ctx, j)
	if err != nil {
		return result, err
	}
	if err := s.tail(ctx, *j.task, &passed); err != nil { // how it ended is known all the same
		fmt.Fprintf(report, "the end of its output can't be read: %v\n", err)
	}
	return result, nil
}

// drain gives the streams time until nothing more comes.
func (s *Stack) drain(passed *[2]counter) {
	for quiet, seen := 0, int64(-1); quiet < 2; time.Sleep(look) {
		now := passed[0].n.Load() + passed[1].n.Load()
		if now != seen {
			quiet, seen = 0, now
		} else {
			quiet++
		}
	}
}

// tail passes on what the followed stream has not.
func (s *Stack) tail(ctx context.Context, t swarm.Task, passed *[2]counter) error {
	if t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == "" {
		return nil
	}
	rest := [2]skipper{{to: passed[0].to, skip: passed[0].n.Load()}, {to: passed[1].to, skip: passed[1].n.Load()}}
	return s.taskLog(ctx, t, false, 0, &rest[0], &rest[1])
}

// counter counts what passes.
type counter struct {
	to io.Writer
	n  atomic.Int64
}

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// skipper passes on what comes after so many bytes.
type skipper struct {
	to   io.Writer
	skip int64
}

// Write implements io.Writer.
func (s *skipper) Write(p []byte) (int, error) {
	over := min(int64(len(p)), s.skip)
	s.skip -= over
	if over < int64(len(p)) {
		if _, err := s.to.Write(p[over:]); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}
