package compose_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/flow"
)

func TestJob(t *testing.T) {
	p := newProject(t)
	old, next := p.push("live", "1", ""), p.push("next", "2", "")
	p.up("web", 1, old, p.rich())
	run := func(key string, command ...string) (cloud.Job, string) {
		t.Helper()
		out := &report{}
		spec := cloud.JobSpec{Key: key, Service: "web", Ref: next, Command: append([]string{"/app"}, command...), Env: map[string]string{"DATA": "example"}}
		job, err := p.stack.RunJob(t.Context(), spec, out)
		p.must(err)
		return job, out.String()
	}
	if _, found, err := p.stack.Job(t.Context(), "a"); found || err != nil {
		t.Errorf("a job that nobody began: %v, %v", found, err)
	}
	job, out := run("a", "job", "0", "migrated")
	if job.Exit != 0 || job.Output != "migrated 2 example\n" || !strings.Contains(out, "on stderr") || !strings.Contains(out, "migrated 2 example") {
		t.Errorf("%+v, streamed %q", job, out)
	}
	seen, found, err := p.stack.Job(t.Context(), "a")
	if !found || err != nil || seen.Output != job.Output || seen.Running {
		t.Errorf("afterwards: %+v, %v, %v", seen, found, err)
	}
	// What has succeeded is not run again.
	if again, out := run("a", "job", "1", "twice"); again.Exit != 0 || strings.Contains(out, "twice") || again.Output != job.Output {
		t.Errorf("it was run again: %+v, %q", again, out)
	}
	if job, _ := run("b", "job", "7", "first"); job.Exit != 7 {
		t.Errorf("exit status %d, want 7", job.Exit)
	}
	if seen, _, _ := p.stack.Job(t.Context(), "b"); seen.Exit != 7 || !strings.HasPrefix(seen.Output, "first") {
		t.Errorf("%+v", seen)
	}
	if job, _ := run("b", "job", "0", "second"); job.Exit != 0 || !strings.HasPrefix(job.Output, "second") {
		t.Errorf("after a failure: %+v", job)
	}
	if seen, _, _ := p.stack.Job(t.Context(), "b"); seen.Exit != 0 {
		t.Errorf("after a failure and a success: %+v", seen)
	}
	// The volume is the service's, and nobody takes a job for the service.
	if job, _ := run("c", "write", "/data/from-job", "x"); job.Exit != 0 {
		t.Errorf("%+v", job)
	}
	if got := p.exec("web", "read", "/data/from-job"); got != "x" {
		t.Errorf("the service reads %q", got)
	}
	if s := p.service("web"); s.Containers != 1 || s.Digest == "" {
		t.Errorf("%+v", s)
	}
	for _, c := range p.all() {
		if c.Config.Labels["hotfix.job"] == "" {
			continue
		}
		for _, e := range c.NetworkSettings.Networks {
			if strings.Contains(strings.Join(e.Aliases, " "), "web") {
				t.Errorf("a job answers as the service: %v", e.Aliases)
			}
		}
		if len(c.HostConfig.PortBindings) > 0 {
			t.Errorf("a job publishes %v", c.HostConfig.PortBindings)
		}
	}
}

func TestJobIsWatchedAgain(t *testing.T) {
	p := newProject(t)
	ref := p.push("live", "1", "")
	p.up("web", 1, ref, p.rich())
	spec := cloud.JobSpec{Key: "slow", Service: "web", Ref: ref, Command: []string{"/app", "wait", "4", "/data/go"}}
	ctx, kill := context.WithCancel(t.Context())
	out := &listening{for_: "waiting", heard: kill}
	if _, err := p.stack.RunJob(ctx, spec, out); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, have %v", err)
	}
	if job, found, err := p.stack.Job(t.Context(), "slow"); !found || !job.Running || err != nil {
		t.Fatalf("it did not go on: %+v, %v, %v", job, found, err)
	}
	again := &listening{for_: "waiting", heard: func() { p.exec("web", "write", "/data/go", "now") }}
	job, err := p.stack.RunJob(t.Context(), spec, again)
	if err != nil || job.Exit != 4 || !strings.Contains(again.String(), "waited") {
		t.Errorf("%+v, %v, %q", job, err, again)
	}
	jobs := 0
	for _, c := range p.all() {
		if c.Config.Labels["hotfix.job"] != "" {
			jobs++
		}
	}
	if jobs != 1 {
		t.Errorf("%d jobs ran", jobs)
	}
}

// listening is a report that does something once it hears a word.
type listening struct {
	report
	for_  string
	heard func()
}

func (l *listening) Write(p []byte) (int, error) {
	if l.heard != nil && strings.Contains(string(p), l.for_) {
		heard := l.heard
		l.heard = nil
		heard()
	}
	return l.report.Write(p)
}

// TestJobKilledAnywhere kills the start of a job after each changing call: it never runs twice.
func TestJobKilledAnywhere(t *testing.T) {
	p := newProject(t)
	ref := p.push("live", "1", "")
	id := p.up("web", 1, ref, p.rich())
	_, err := p.engine.NetworkConnect(t.Context(), p.name+"_b", client.NetworkConnectOptions{Container: id})
	p.must(err)
	for calls := 1; ; calls++ {
		engine := &mortal{APIClient: p.engine, left: calls}
		spec := cloud.JobSpec{Key: "job " + string(rune('0'+calls)), Service: "web", Ref: ref, Command: []string{"/app", "job", "0", "ran"}}
		_, err := compose.New(engine, p.name, nil).RunJob(t.Context(), spec, flow.Silent{})
		if engine.left > 0 {
			p.must(err)
			if calls != 4 { // create, connect, start
				t.Errorf("killed after %d calls", calls-1)
			}
			return
		}
		job, err := p.stack.RunJob(t.Context(), spec, flow.Silent{})
		if err != nil || job.Exit != 0 || strings.Count(job.Output, "ran") != 1 {
			t.Errorf("killed after %s: %+v, %v", engine.last, job, err)
		}
		made := 0
		for _, c := range p.all() {
			if c.Config.Labels["hotfix.job"] == spec.Key {
				made++
				if len(c.NetworkSettings.Networks) != 2 {
					t.Errorf("killed after %s: networks %v", engine.last, c.NetworkSettings.Networks)
				}
			}
		}
		if made != 1 {
			t.Errorf("killed after %s: %d containers", engine.last, made)
		}
	}
}
