package dockercloud_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/dockercloud"
	"hotfix/internal/flow"
)

// record is where a container keeps what became of a job; here that is this machine.
func (h *here) job(line string) (spec cloud.JobSpec, count func() int) {
	h.t.Helper()
	marks := filepath.Join(h.dir, "ran")
	spec = cloud.JobSpec{Key: h.dir + line, Service: "phpfiles", Ref: image + "@" + h.tag, Env: map[string]string{"DATA": "foo's"},
		Command: []string{"sh", "-c", "echo x >>" + marks + "; " + line}}
	h.t.Cleanup(func() {
		all, _ := filepath.Glob(fmt.Sprintf("/tmp/hotfix-job-%.12x*", sha256.Sum256([]byte(spec.Key))))
		for _, dir := range all {
			_ = os.RemoveAll(dir)
		}
	})
	return spec, func() int { text, _ := os.ReadFile(marks); return bytes.Count(text, []byte("x")) }
}

type output struct {
	flow.Silent
	bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) { return o.Buffer.Write(p) }

func TestJobsRunOnceAndAreRemembered(t *testing.T) {
	h := newHere(t, 1)
	spec, count := h.job("echo $DATA; echo warned >&2; sleep 0.1; head -c 40000 /dev/zero | tr '\\0' y; exit 3")
	if _, found, err := h.stack.Job(t.Context(), spec.Key); found || err != nil {
		t.Fatalf("found %v (%v)", found, err)
	}
	for again := 1; again <= 2; again++ { // one that has failed may run again
		var out output
		job, err := h.stack.RunJob(t.Context(), spec, &out)
		if err != nil || job.Exit != 3 || job.Running || time.Since(job.Ended) > time.Minute || job.Output != "foo's\n"+strings.Repeat("y", 40000) || count() != again {
			t.Fatalf("%+v, ran %d times (%v)", job, count(), err)
		}
		if !strings.Contains(out.String(), "warned\n") {
			t.Errorf("it said %.100q", out.String())
		}
	}
	good, count := h.job("true")
	before := count()
	for range 2 {
		if job, err := h.stack.RunJob(t.Context(), good, flow.Silent{}); err != nil || job.Exit != 0 || count() != before+1 {
			t.Errorf("%+v, ran %d times (%v)", job, count()-before, err)
		}
	}
	good.Key, good.Ref = "another", image+"@sha256:other"
	if _, err := h.stack.RunJob(t.Context(), good, flow.Silent{}); err == nil || !strings.Contains(err.Error(), "nothing was run in it") {
		t.Errorf("in another image: %v", err)
	}
}

// TestJobsGoOnWithoutUs: whoever comes next watches the one that runs; one that was killed has failed.
func TestJobsGoOnWithoutUs(t *testing.T) {
	h := newHere(t, 1)
	spec, count := h.job("sleep 2; echo end")
	brief, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		for job := (cloud.Job{}); !job.Running && t.Context().Err() == nil; time.Sleep(10 * time.Millisecond) {
			job, _, _ = h.stack.Job(t.Context(), spec.Key) // an error is seen below
		}
	}()
	if job, err := h.stack.RunJob(brief, spec, flow.Silent{}); err == nil {
		t.Fatalf("it was watched to its end: %+v", job)
	}
	if job, found, err := h.stack.Job(t.Context(), spec.Key); !found || !job.Running || err != nil {
		t.Errorf("%+v %v (%v)", job, found, err)
	}
	if job, err := h.stack.RunJob(t.Context(), spec, flow.Silent{}); err != nil || job.Output != "end\n" || count() != 1 {
		t.Errorf("%+v, ran %d times (%v)", job, count(), err)
	}
	killed, _ := h.job("kill -9 $PPID; exec sleep 0")
	if job, err := h.stack.RunJob(t.Context(), killed, flow.Silent{}); err != nil || job.Exit == 0 || job.Running {
		t.Errorf("killed: %+v (%v)", job, err)
	}
}

// TestJobsBeginOnceWhateverIsLost cuts each call off in turn: the same again never runs it twice.
func TestJobsBeginOnceWhateverIsLost(t *testing.T) {
	h := newHere(t, 1)
	for calls := 1; calls < 40; calls++ {
		spec, count := h.job(fmt.Sprintf("sleep 0.02; true %d", calls))
		before := count()
		config, left := h.cut(calls)
		_, _ = dockercloud.New("acme", config).RunJob(t.Context(), spec, flow.Silent{})
		if left() > 0 {
			return
		}
		if job, err := h.stack.RunJob(t.Context(), spec, flow.Silent{}); err != nil || job.Exit != 0 || count() != before+1 {
			t.Fatalf("cut off after call %d: %+v, ran %d times (%v)", calls, job, count()-before, err)
		}
	}
}
