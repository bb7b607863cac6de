package compose

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/inside"
	"hotfix/internal/flow"
)

// labelJob is the key of a one-off container.
const labelJob = "hotfix.job"

// Job implements cloud.Stack.
func (s *Stack) Job(ctx context.Context, key string) (cloud.Job, bool, error) {
	c, err := s.job(ctx, key)
	if err != nil || c == nil || c.State.Status == container.StateCreated {
		return cloud.Job{}, false, err // one that was never started has done nothing
	}
	job, err := s.ended(ctx, c)
	return job, true, err
}

// job returns the container with this key, or nil. Failed ones were set aside; the last of them counts where there is
// no other.
func (s *Stack) job(ctx context.Context, key string) (*container.InspectResponse, error) {
	filters := client.Filters{}.Add("label", labelProject+"="+s.project, labelJob+"="+key)
	list, err := s.engine.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return nil, s.reach("look for a job", err)
	}
	if len(list.Items) == 0 {
		return nil, nil
	}
	latest := slices.MaxFunc(list.Items, func(a, b container.Summary) int { return int(a.Created - b.Created) })
	for _, item := range list.Items {
		if slices.Contains(item.Names, "/"+s.jobName(key)) {
			latest = item
		}
	}
	c, err := s.engine.ContainerInspect(ctx, latest.ID, client.ContainerInspectOptions{})
	if err != nil {
		return nil, s.reach("inspect "+latest.ID, err)
	}
	return &c.Container, nil
}

// ended says how a job is, and what it printed if it has ended.
func (s *Stack) ended(ctx context.Context, c *container.InspectResponse) (cloud.Job, error) {
	if c.State.Running {
		return cloud.Job{Running: true}, nil
	}
	job := cloud.Job{Exit: c.State.ExitCode}
	job.Ended, _ = time.Parse(time.RFC3339Nano, c.State.FinishedAt)
	out := &inside.Last{Max: 64 << 10}
	if err := s.log(ctx, c, false, 0, out, nil); err != nil {
		return job, err
	}
	job.Output = out.String()
	return job, nil
}

// RunJob implements cloud.Stack.
func (s *Stack) RunJob(ctx context.Context, spec cloud.JobSpec, report flow.Report) (cloud.Job, error) {
	c, err := s.job(ctx, spec.Key)
	if err != nil {
		return cloud.Job{}, err
	}
	switch {
	case c == nil:
	case c.State.Running:
		fmt.Fprintf(report, "%s runs already: this is what it has printed until now\n", nameOf(c))
		return s.watch(ctx, c, report)
	case c.State.Status == container.StateCreated: // killed before it was started
		if _, err := s.engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil {
			return cloud.Job{}, s.reach("remove "+nameOf(c), err)
		}
	case c.State.ExitCode == 0:
		return s.ended(ctx, c)
	case nameOf(c) == s.jobName(spec.Key): // a failed one stays as a record, under another name
		aside := client.ContainerRenameOptions{NewName: nameOf(c) + "-" + shortID(c)}
		if _, err := s.engine.ContainerRename(ctx, c.ID, aside); err != nil {
			return cloud.Job{}, s.reach("rename "+nameOf(c), err)
		}
	}
	return s.start(ctx, spec, report)
}

// start makes the container. Its name is taken from its key: of two who try at once, one is refused.
func (s *Stack) start(ctx context.Context, spec cloud.JobSpec, report flow.Report) (cloud.Job, error) {
	slots, err := s.slots(ctx, spec.Service)
	if err != nil {
		return cloud.Job{}, err
	}
	image, err := s.image(ctx, spec.Ref, report)
	if err != nil {
		return cloud.Job{}, err
	}
	b, err := s.blueprint(ctx, slots[0].serving(), image)
	if err != nil {
		return cloud.Job{}, err
	}
	b.name = s.jobName(spec.Key)
	b.oneOff(spec)
	id, err := s.create(ctx, b)
	if err != nil {
		return cloud.Job{}, err
	}
	if _, err := s.engine.ContainerStart(ctx, id, client.ContainerStartOptions{}); err != nil {
		return cloud.Job{}, flow.Hint(s.reach("start "+b.name, err),
			fmt.Sprintf("if the image has no %s, correct `migrate` in hotfix.yml; the same command goes on from here", spec.Command[0]))
	}
	return s.watch(ctx, s.inspected(ctx, id), report)
}

// watch passes on what a job prints until it ends. The job itself does not depend on it.
func (s *Stack) watch(ctx context.Context, c *container.InspectResponse, report flow.Report) (cloud.Job, error) {
	const hint = "it goes on without us; the same command watches it again"
	ended := s.engine.ContainerWait(ctx, c.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
	if err := s.log(ctx, c, true, 0, report, report); err != nil {
		return cloud.Job{}, flow.Hint(err, hint)
	}
	select {
	case <-ended.Result:
	case err := <-ended.Error:
		return cloud.Job{}, flow.Hint(s.reach("wait for "+nameOf(c), causeOr(ctx, err)), hint)
	}
	now, err := s.engine.ContainerInspect(ctx, c.ID, client.ContainerInspectOptions{})
	if err != nil {
		return cloud.Job{}, s.reach("inspect "+nameOf(c), err)
	}
	return s.ended(ctx, &now.Container)
}

func (s *Stack) jobName(key string) string {
	return fmt.Sprintf("%s-hotfix-job-%x", s.project, sha256.Sum256([]byte(key)))[:len(s.project)+len("-hotfix-job-")+12]
}
