package cloud

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"hotfix/internal/flow"
)

// A Migration says how the database follows the code.
type Migration struct {
	Service string
	Paths   []string // only for the reason why there is nothing to do; Changed knows them
	Pending []string // lists what is pending, in the new image: no output means nothing
	Backup  []string // runs once before it
	Run     []string
	ForEach map[string][]string // NAME: values; Run runs once for each combination
}

// Migrate runs the migrations in one-off containers of the new image. They are kept: planning sees in them what has
// run, what still runs and what failed.
type Migrate struct {
	Stack   Stack
	Release Release
	Confirm string     // the stack's name in hotfix.yml, to be typed
	Spec    *Migration // nil: hotfix.yml has none
	Since   string     // the commit that changes are counted from, as a person knows it
	// Changed returns the migrations that changed since the baseline, and a key that stays the same as long as
	// their content does. It is not asked where Spec.Pending is there, which outranks it; it may be nil.
	Changed func(ctx context.Context) (files []string, key string, err error)
}

// Name implements flow.Phase.
func (Migrate) Name() string { return "migrate" }

// Traits implements flow.Marked.
func (m Migrate) Traits() flow.Traits {
	return flow.Traits{Remote: true, Optional: true, Confirm: m.Confirm}
}

// Plan implements flow.Phase.
func (m Migrate) Plan(ctx context.Context) ([]flow.Action, error) {
	if m.Spec == nil {
		return nil, flow.Nothing("no `migrate` in hotfix.yml")
	}
	service, want, err := m.image(ctx)
	if err != nil {
		return nil, err
	}
	files, key, err := m.changes(ctx, want)
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, v := range product(m.Spec.ForEach) {
		step := migration{Migrate: m, value: v, service: service, want: want, files: files, key: key}
		some, err := step.plan(ctx)
		if err != nil {
			return nil, err
		}
		actions = append(actions, some...)
	}
	return actions, nil
}

// MigrateAfterCanary migrates before the other services follow: where old code can do with the new schema, and new
// code can't do without. The canary is looked into first, so its gate stands here.
type MigrateAfterCanary struct {
	Migrate
	Canary flow.Gated
}

// Gate implements flow.Gated. Where nothing is to be migrated, the canary's gate is left to the next phase.
func (m MigrateAfterCanary) Gate(ctx context.Context) (*flow.Gate, error) {
	actions, err := m.Plan(ctx)
	if _, nothing := flow.NothingToDo(err); nothing || err == nil && len(actions) == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return m.Canary.Gate(ctx)
}

// image returns the service that migrates, and the digest that it should run; empty while that is not pushed.
func (m Migrate) image(ctx context.Context) (Service, string, error) {
	services, err := m.Stack.Services(ctx)
	if err != nil {
		return Service{}, "", err
	}
	for _, s := range services {
		if s.Name != m.Spec.Service {
			continue
		}
		want, err := m.Release.Want(ctx, s)
		if errors.Is(err, fs.ErrNotExist) {
			return s, "", nil
		}
		if err != nil {
			return s, "", fmt.Errorf("what %s should run: %w", s.Name, err)
		}
		return s, want, nil
	}
	return Service{}, "", flow.Refuse(fmt.Errorf("there is no service %q in %s", m.Spec.Service, m.Stack.Place()),
		"correct `migrate.service` in hotfix.yml")
}

// changes returns what may have to be migrated, and its key. Without paths, or with a command that knows better,
// every image is asked once.
func (m Migrate) changes(ctx context.Context, want string) (files []string, key string, err error) {
	if len(m.Spec.Pending) > 0 || m.Changed == nil {
		return nil, want, nil
	}
	files, key, err = m.Changed(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("which migrations changed: %w", err)
	}
	if len(files) == 0 {
		return nil, "", flow.Nothing(fmt.Sprintf("no migration under %s changed since %s", strings.Join(m.Spec.Paths, ", "), m.Since))
	}
	return files, key, nil
}
