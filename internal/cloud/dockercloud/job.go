package dockercloud

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// A job runs inside a running container, on and on when nobody watches: Docker Cloud has no one-off containers. Its
// record is a directory in that container, which also lets it begin only once: its output, its process, its end.
type job struct {
	container
	dir string
}

// unknownExit is the status of a job that has ended without a word, as when it was killed.
const unknownExit = -1

// Job implements cloud.Stack. The record goes with the container; then the log is what knows.
func (s *Stack) Job(ctx context.Context, key string) (cloud.Job, bool, error) {
	j, found, err := s.job(ctx, key)
	if err != nil || !found {
		return cloud.Job{}, false, err
	}
	view := jobView{stack: s, job: j, report: flow.Silent{}}
	now, err := view.read(ctx)
	return now, true, err
}

// job finds the container with a job's record, or else where it would run.
func (s *Stack) job(ctx context.Context, key string) (j job, found bool, err error) {
	one, err := s.service(ctx, s.Migrates)
	if err != nil {
		return job{}, false, err
	}
	all, err := s.containers(ctx, one)
	if err != nil {
		return job{}, false, err
	}
	dir := fmt.Sprintf("/tmp/hotfix-job-%.12x", sha256.Sum256([]byte(key)))
	for _, c := range all {
		if !c.is("Running") {
			continue
		}
		_, exit, err := s.ask(ctx, c, "[ -d "+dir+" ]")
		if err != nil {
			return job{}, false, err
		}
		if exit == 0 {
			return job{c, dir}, true, nil
		}
		if j.UUID == "" {
			j = job{c, dir}
		}
	}
	return j, false, nil
}

// RunJob implements cloud.Stack.
func (s *Stack) RunJob(ctx context.Context, spec cloud.JobSpec, report flow.Report) (cloud.Job, error) {
	if err := s.runs(ctx, spec); err != nil {
		return cloud.Job{}, err
	}
	j, found, err := s.job(ctx, spec.Key)
	if err != nil {
		return cloud.Job{}, err
	}
	view := jobView{stack: s, job: j, report: report}
	if found {
		now, err := view.read(ctx)
		switch {
		case err != nil || !now.Running && now.Exit == 0:
			return now, err
		case now.Running:
			fmt.Fprintf(report, "it runs already in %s\n", j.Name)
			return view.watch(ctx)
		}
	}
	line := fmt.Sprintf(begin, j.dir, quoted(append([]string{"env"}, append(pairs(spec.Env), spec.Command...)...)))
	if found { // a failed one stays beside the next
		line = fmt.Sprintf("mv %s %s-$(date +%%s) || exit 1\n%s", j.dir, j.dir, line)
	}
	exit, err := s.exec(ctx, j.container, line, report)
	if err == nil && exit != 0 {
		err = fmt.Errorf("it can't be begun in %s: exit status %d", j.Name, exit)
	}
	if err != nil { // whether it was begun is seen, not guessed
		if _, found, lookErr := s.job(ctx, spec.Key); lookErr != nil || !found {
			return cloud.Job{}, err
		}
	}
	view = jobView{stack: s, job: j, report: report}
	return view.watch(ctx)
}

// begin is what starts a job, apart from the terminal that it is started from.
const begin = `d=%s
umask 077
mkdir $d || exit 1
trap '' HUP
( sh -c 'echo $PPID' >$d/pid.new; mv $d/pid.new $d/pid
%s
echo $? $(date +%%s) >$d/end.new; mv $d/end.new $d/end ) </dev/null >$d/out 2>$d/err &
while [ ! -e $d/pid ]; do sleep 0.05; done`

// runs refuses to run a job in another image than it is meant for.
func (s *Stack) runs(ctx context.Context, spec cloud.JobSpec) error {
	if spec.Service != s.Migrates {
		return fmt.Errorf("jobs run in %s, not in %s", s.Migrates, spec.Service)
	}
	one, err := s.service(ctx, spec.Service)
	if err != nil {
		return err
	}
	now, err := s.describe(ctx, one)
	if err != nil {
		return err
	}
	if now.Digest == "" || !strings.HasSuffix(spec.Ref, "@"+now.Digest) {
		return flow.Hint(fmt.Errorf("%s does not run %s: nothing was run in it", spec.Service, spec.Ref), "look at what is left: hotfix status")
	}
	return nil
}

func pairs(env map[string]string) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name])
	}
	return all
}
