package cloud

import (
	"context"
	"errors"
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
	pending []string // what the image said, where it was asked already
	key     string
}

// plan returns what is left of it to do: the backup, then the migration, each an action with a begin and an end of
// its own in the log. Once the migration runs or has run, it is too late for a backup.
func (m migration) plan(ctx context.Context) ([]flow.Action, error) {
	asked, known, err := m.asked(ctx)
	if err != nil || known && asked.nothing() {
		return nil, err
	}
	if known && asked.Exit == 0 {
		m.pending = asked.lines()
	}
	migrate, found, err := m.planJob(ctx, "migrate", "run", m.Spec.Run)
	if err != nil || migrate == nil {
		return nil, err
	}
	if found || len(m.Spec.Backup) == 0 {
		return []flow.Action{*migrate}, nil
	}
	backup, _, err := m.planJob(ctx, "backup", "back up with", m.Spec.Backup)
	if err != nil || backup == nil {
		return []flow.Action{*migrate}, err
	}
	return []flow.Action{*backup, *migrate}, nil
}

// planJob returns the action of one job, nil where it has succeeded; found tells whether it was ever started.
func (m migration) planJob(ctx context.Context, kind, verb string, command []string) (action *flow.Action, found bool, err error) {
	action = &flow.Action{What: m.what(verb, command, ""), Key: m.job(kind), Details: m.details(),
		Do: func(ctx context.Context, report flow.Report) error { return m.run(ctx, kind, command, report) }}
	if m.want == "" {
		action.What = m.what(verb, command, " (once its image is pushed)")
	}
	if m.key == "" {
		action.Key = "" // it follows from the image, and is not known yet
		return action, false, nil
	}
	job, found, err := m.Stack.Job(ctx, m.job(kind))
	switch {
	case err != nil:
		return nil, false, err
	case !found:
		return action, false, nil
	case job.Running:
		action.What, action.Seen = m.what(verb, command, ": it runs; go on watching it"), true
	case job.Exit == 0:
		return nil, true, nil
	default:
		action.What, action.Seen = m.what(verb, command, fmt.Sprintf(", again: it ended with exit status %d", job.Exit)), true
	}
	return action, true, nil
}

// asked returns what this image said is pending, where it was asked already.
func (m migration) asked(ctx context.Context) (job Job, known bool, err error) {
	if len(m.Spec.Pending) == 0 || m.key == "" {
		return Job{}, false, nil
	}
	job, known, err = m.Stack.Job(ctx, m.job("pending"))
	return job, known && !job.Running, errors.Join(err, job.Unread)
}

func (j Job) nothing() bool { return !j.Running && j.Exit == 0 && strings.TrimSpace(j.Output) == "" }

// lines are the lines that it printed, but for empty ones.
func (j Job) lines() (all []string) {
	for line := range strings.Lines(j.Output) {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// run runs one job, unless the image says that nothing is pending.
func (m migration) run(ctx context.Context, kind string, command []string, report flow.Report) error {
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
		if err = errors.Join(err, job.Unread); err != nil { // no words are not no migrations
			return err
		}
		if job.nothing() {
			report.Fact(strings.TrimSpace("pending "+m.name()), "nothing")
			return nil
		}
		report.Fact(strings.TrimSpace("pending "+m.name()), strings.Join(job.lines(), ", "))
	}
	job, err := m.do(ctx, kind, command, report)
	if job.Unread != nil {
		fmt.Fprintf(report, "what it printed can't be read: %v\n", job.Unread)
	}
	if lines := job.lines(); err == nil && kind == "backup" && len(lines) > 0 {
		report.Fact(strings.TrimSpace(FactBackup+" "+m.name()), lines[len(lines)-1]) // by custom, a backup ends with where it is
	}
	return err
}

// FactBackup begins the name of the fact that says where a backup is: the last line that its command printed.
const FactBackup = "backup is"

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
	if kind != "pending" || job.Exit != 0 { // what is pending is told by its own words
		report.Fact(strings.TrimSpace(kind+" "+m.name()), fmt.Sprintf("exit status %d", job.Exit))
	}
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

func (m migration) what(verb string, command []string, how string) string {
	where := " in a one-off container of "
	if TraitsOf(m.Stack).RunsInside {
		where = " inside "
	}
	what := verb + " " + strings.Join(command, " ") + where + m.service.Name
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
	for _, p := range m.pending {
		details = append(details, "pending: "+p)
	}
	if len(m.Spec.Pending) > 0 {
		details = append(details, "first asks what is pending: "+strings.Join(m.Spec.Pending, " "))
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
