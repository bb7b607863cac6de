package swarm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/inside"
	"hotfix/internal/flow"
)

// logPatience is how long a log that can't be read is asked for again.
const logPatience = 15 * time.Second

// A job is a service of its own that runs one task to its end, and is kept. A failed one stays beside the next.
type job struct {
	service swarm.Service
	task    *swarm.Task // nil until the swarm has made it
}

func (j *job) running() bool { return j.task == nil || !over(*j.task) }

// over tells whether a task has ended, whoever ended it.
func over(t swarm.Task) bool {
	switch t.Status.State {
	case swarm.TaskStateShutdown, swarm.TaskStateOrphaned, swarm.TaskStateRemove:
		return true
	}
	return ended(t)
}

// exit is its exit status; of one that never ran, that of a shell that finds no command.
func (j *job) exit() int {
	if s := j.task.Status; s.State == swarm.TaskStateComplete {
		return 0
	} else if s.ContainerStatus != nil && s.ContainerStatus.ExitCode != 0 {
		return s.ContainerStatus.ExitCode
	}
	return 127
}

// Job implements cloud.Stack.
func (s *Stack) Job(ctx context.Context, key string) (cloud.Job, bool, error) {
	j, err := s.job(ctx, key)
	if err != nil || j == nil {
		return cloud.Job{}, false, err
	}
	ended, err := s.ended(ctx, j)
	return ended, true, err
}

// jobs returns the services with this key, the first one first.
func (s *Stack) jobs(ctx context.Context, key string) ([]swarm.Service, error) {
	labelled := client.Filters{}.Add("label", labelStack+"="+s.name, labelJob+"="+key)
	list, err := s.engine.ServiceList(ctx, client.ServiceListOptions{Filters: labelled})
	if err != nil {
		return nil, s.reach("look for a job", err)
	}
	slices.SortFunc(list.Items, func(a, b swarm.Service) int { return cmp.Compare(a.CreatedAt.UnixNano(), b.CreatedAt.UnixNano()) })
	return list.Items, nil
}

// job returns the latest job with this key, or nil.
func (s *Stack) job(ctx context.Context, key string) (*job, error) {
	all, err := s.jobs(ctx, key)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return s.jobOf(ctx, all[len(all)-1])
}

func (s *Stack) jobOf(ctx context.Context, service swarm.Service) (*job, error) {
	tasks, err := s.tasks(ctx, service)
	if err != nil || len(tasks) == 0 {
		return &job{service: service}, err
	}
	last := slices.MaxFunc(tasks, func(a, b swarm.Task) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return &job{service: service, task: &last}, nil
}

// ended says how a job is, and what it printed if it has ended.
func (s *Stack) ended(ctx context.Context, j *job) (cloud.Job, error) {
	if j.running() {
		return cloud.Job{Running: true}, nil
	}
	result := cloud.Job{Exit: j.exit(), Ended: j.task.Status.Timestamp}
	if j.task.Status.ContainerStatus == nil || j.task.Status.ContainerStatus.ContainerID == "" {
		return result, nil // it never ran
	}
	out, err := s.output(ctx, *j.task)
	if ctx.Err() != nil {
		return result, err
	}
	result.Output, result.Unread = out, err // how it ended is known all the same
	return result, nil
}

// output is what a task wrote to stdout. A node that has just come back does not pass its logs on yet: so it is asked
// again for a while.
func (s *Stack) output(ctx context.Context, t swarm.Task) (string, error) {
	for deadline := time.Now().Add(logPatience); ; {
		out := &inside.Last{Max: 64 << 10}
		err := s.taskLog(ctx, t, false, 0, out, io.Discard)
		if err == nil || time.Now().After(deadline) {
			return out.String(), err
		}
		if stopped := pause(ctx); stopped != nil {
			return "", stopped
		}
	}
}

// RunJob implements cloud.Stack.
func (s *Stack) RunJob(ctx context.Context, spec cloud.JobSpec, report flow.Report) (cloud.Job, error) {
	all, err := s.jobs(ctx, spec.Key)
	if err != nil {
		return cloud.Job{}, err
	}
	if len(all) > 0 {
		j, err := s.jobOf(ctx, all[len(all)-1])
		switch {
		case err != nil:
			return cloud.Job{}, err
		case j.running():
			fmt.Fprintf(report, "%s runs already: this is what it has printed until now\n", j.service.Spec.Name)
			return s.watch(ctx, j, report)
		case j.exit() == 0:
			return s.ended(ctx, j)
		}
	}
	service, err := s.service(ctx, spec.Service)
	if err != nil {
		return cloud.Job{}, err
	}
	auth, err := s.credentials(ctx, spec.Ref)
	if err != nil {
		return cloud.Job{}, err
	}
	o := client.ServiceCreateOptions{Spec: s.oneOff(service.Spec, spec, len(all)), EncodedRegistryAuth: auth}
	made, err := s.engine.ServiceCreate(ctx, o)
	if err != nil {
		return cloud.Job{}, s.reach("start a job", err)
	}
	return s.watch(ctx, &job{service: swarm.Service{ID: made.ID, Spec: o.Spec}}, report)
}

// jobName is taken from the key and the number of tries: of two who try at once, one is refused.
func (s *Stack) jobName(key string, tries int) string {
	name := fmt.Sprintf("%s_hotfix-job-%x", s.name, sha256.Sum256([]byte(key)))[:len(s.name)+len("_hotfix-job-")+12]
	if tries > 0 {
		name += fmt.Sprintf("-%d", tries+1)
	}
	return name
}
