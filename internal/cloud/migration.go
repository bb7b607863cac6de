package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"hotfix/internal/flow"
)

// A migration is one run of the migrations: for one combination of the for-each values.
type migration struct {
	Migrate
	value   []string // NAME=value
	service Service
	want    string
	files   []string
	key     string
}

// plan returns what is left of it to do, or nil.
func (m migration) plan(ctx context.Context) (*flow.Action, error) {
	action := &flow.Action{What: m.what(""), Key: m.job("migrate"), Details: m.details(), Do: m.run}
	if m.want == "" {
		action.What = m.what(" (once its image is pushed)")
	}
	if m.key == "" {
		action.Key = "" // it follows from the image, and is not known yet
		return action, nil
	}
	if settled, err := m.nothingPending(ctx); settled || err != nil {
		return nil, err
	}
	job, found, err := m.Stack.Job(ctx, m.job("migrate"))
	switch {
	case err != nil:
		return nil, err
	case !found:
		return action, nil
	case job.Running:
		action.What, action.Seen = m.what(": it runs; go on watching it"), true
	case job.Exit == 0:
		return nil, nil
	default:
		action.What, action.Seen = m.what(fmt.Sprintf(", again: it ended with exit status %d", job.Exit)), true
	}
	return action, nil
}

// nothingPending tells whether this image was asked already, and had nothing to migrate.
func (m migration) nothingPending(ctx context.Context) (bool, error) {
	if len(m.Spec.Pending) == 0 {
		return false, nil
	}
	job, found, err := m.Stack.Job(ctx, m.job("pending"))
	return found && job.nothing(), err
}

func (j Job) nothing() bool { return !j.Running && j.Exit == 0 && strings.TrimSpace(j.Output) == "" }

// run asks what is pending, backs up and migrates; each is a job of its own, so that none runs twice.
func (m migration) run(ctx context.Context, report flow.Report) error {
	if m.want == "" {
		now, err := m.Release.Want(ctx, m.service)
		if err != nil {
			return fmt.Errorf("what %s should run: %w", m.service.Name, err)
		}
		if m.key == "" {
			m.key = now
		}
		m.want = now
	}
	if len(m.Spec.Pending) > 0 {
		job, err := m.do(ctx, "pending", m.Spec.Pending, report)
		if err != nil {
			return err
		}
		if job.nothing() {
			report.Fact(strings.TrimSpace("pending "+m.name()), "nothing")
			return nil
		}
	}
	if len(m.Spec.Backup) > 0 {
		if _, err := m.do(ctx, "backup", m.Spec.Backup, report); err != nil {
			return err
		}
	}
	_, err := m.do(ctx, "migrate", m.Spec.Run, report)
	return err
}

// do runs one job to its end.
func (m migration) do(ctx context.Context, kind string, command []string, report flow.Report) (Job, error) {
	env := map[string]string{}
	for _, v := range m.value {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	spec := JobSpec{Key: m.job(kind), Service: m.service.Name, Ref: m.service.Ref(m.want), Command: command, Env: env}
	job, err := m.Stack.RunJob(ctx, spec, report)
	said := strings.Join(command, " ")
	if err != nil {
		return job, fmt.Errorf("%s %s: %w", kind, said, err)
	}
	report.Fact(strings.TrimSpace(kind+" "+m.name()), fmt.Sprintf("exit status %d", job.Exit))
	if job.Exit != 0 {
		return job, flow.Hint(fmt.Errorf("%s %s in %s: exit status %d", kind, said, m.service.Name, job.Exit),
			"correct what it complains about; the same command runs it again")
	}
	return job, nil
}

// job is the key of one of its jobs.
func (m migration) job(kind string) string {
	return strings.Join([]string{kind, m.name(), m.key}, ":")
}

func (m migration) name() string { return strings.Join(m.value, " ") }

func (m migration) what(how string) string {
	what := "run " + strings.Join(m.Spec.Run, " ") + " in a one-off container of " + m.service.Name
	if m.name() != "" {
		what += " with " + m.name()
	}
	return what + how
}

func (m migration) details() []string {
	var details []string
	for _, f := range m.files {
		details = append(details, "changed: "+f)
	}
	if len(m.Spec.Pending) > 0 {
		details = append(details, "first asks what is pending: "+strings.Join(m.Spec.Pending, " "))
	}
	if len(m.Spec.Backup) > 0 {
		details = append(details, "backs up before: "+strings.Join(m.Spec.Backup, " "))
	}
	return details
}

// product returns every combination of the values, sorted by name, the values in their own order; one empty
// combination where there is nothing to combine.
func product(forEach map[string][]string) [][]string {
	all := [][]string{nil}
	for _, name := range slices.Sorted(maps.Keys(forEach)) {
		var longer [][]string
		for _, head := range all {
			for _, value := range forEach[name] {
				longer = append(longer, append(slices.Clone(head), name+"="+value))
			}
		}
		all = longer
	}
	return all
}
