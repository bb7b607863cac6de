package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// verification is one run of Verify.
type verification struct {
	Verify
	stack *composition
	tree  string // the copy
}

// name is the compose project's, one for each build directory: a run finds what a killed one left.
func (v Verify) name() string { return projectName("verify", v.Project, v.Directory.Path) }

func projectName(what, project, directory string) string {
	sum := sha256.Sum256([]byte(directory))
	plain := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '-'
	}
	return "hotfix-" + what + "-" + strings.Map(plain, strings.ToLower(project)) + "-" + hex.EncodeToString(sum[:3])
}

func (v Verify) do(ctx context.Context, report flow.Report) (err error) {
	stamp, err := v.Directory.current(ctx, v.Commit)
	if err != nil {
		return err
	}
	unlock, err := v.Directory.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	stack, restore, err := newComposition(v.Engine, v.name(), report)
	if err != nil {
		return err
	}
	defer restore()
	r := &verification{Verify: v, stack: stack, tree: v.Directory.Path + ".verify"}
	if err := r.clear(ctx); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	defer func() { err = errors.Join(err, r.end(ctx)) }()
	if err := copyTree(ctx, v.Directory.Path, r.tree); err != nil {
		return err
	}
	if err := r.bringUp(ctx); err != nil {
		return r.story(ctx, err)
	}
	if err := r.prove(ctx); err != nil {
		return r.story(ctx, err)
	}
	report.Fact("content", stamp.Content)
	report.Fact("compose-files", r.files())
	return nil
}

// bringUp loads, isolates and starts the stack.
func (r *verification) bringUp(ctx context.Context) error {
	if err := r.stack.load(ctx, r.tree, r.Spec.ComposeFiles, r.variables()); err != nil {
		return err
	}
	services := r.Spec.Services
	if len(services) == 0 {
		services = r.stack.unprofiled()
	}
	var asleep, started []string
	for _, command := range r.Spec.Prepare {
		if command.In != "" {
			asleep = append(asleep, command.In)
			started = append(started, r.stack.dependencies(command.In)...)
		}
	}
	if err := r.stack.isolate(slices.Concat(services, asleep)); err != nil {
		return err
	}
	if err := r.stack.free(ctx, slices.Concat(services, started)); err != nil {
		return err
	}
	if err := r.stack.build(ctx); err != nil {
		return err
	}
	if err := r.stack.up(ctx, services, asleep, r.timeout()); err != nil {
		return fmt.Errorf("bring the stack up: %w", err)
	}
	return nil
}

// prove prepares the stack and runs the checks.
func (r *verification) prove(ctx context.Context) error {
	once := func(ctx context.Context, command Command) error { return r.stack.oneOff(ctx, command, "", nil) }
	for _, command := range r.Spec.Prepare {
		if err := r.command(ctx, command, once); err != nil {
			return fmt.Errorf("prepare: %s: %w", command.words(), err)
		}
	}
	deadline, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	for _, check := range r.Spec.Checks {
		found, err := r.check(deadline, check)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.stack.report.Fact("check "+check.words(), "failed")
			return fmt.Errorf("check %s: %w", check.words(), err)
		}
		r.stack.report.Fact("check "+check.words(), found)
	}
	return nil
}

// end takes everything down again, also after Ctrl-C.
func (r *verification) end(ctx context.Context) error {
	if r.Spec.Keep {
		r.stack.report.Fact("kept", "until docker compose -p "+r.stack.name+" down -v, or the next verification")
		return nil
	}
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	return r.clear(ctx)
}

// clear removes the stack and the copy, whoever its files belong to by now.
func (r *verification) clear(ctx context.Context) error {
	containers, err := r.stack.containers(ctx)
	if err != nil {
		return err
	}
	var images []string
	for _, c := range containers {
		images = append(images, c.ImageID)
	}
	if err := r.stack.down(ctx); err != nil {
		return err
	}
	if err := removeTree(ctx, r.Engine, r.tree, images); err != nil {
		return flow.Hint(fmt.Errorf("remove the copy of the build directory: %w", err), "sudo rm -rf "+r.tree)
	}
	return nil
}

// story adds to a failure what the services that are down said last; where all are up, the output has them all.
func (r *verification) story(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return cause
	}
	services, err := r.stack.containers(ctx)
	if err != nil {
		return cause
	}
	var sick []string
	for _, service := range services {
		name, words := service.Labels[api.ServiceLabel], r.words(ctx, service.ID)
		fmt.Fprintf(r.stack.report, "--- %s, %s\n%s\n", name, service.Status, words)
		failed := service.State == container.StateExited && !strings.HasPrefix(service.Status, "Exited (0)")
		if failed || service.State == container.StateRestarting || strings.Contains(service.Status, "unhealthy") {
			sick = append(sick, fmt.Sprintf("%s is %s:\n%s", name, service.Status, words))
		}
	}
	return errors.Join(append([]error{cause}, errorsOf(sick)...)...)
}

func errorsOf(texts []string) []error {
	var errs []error
	for _, text := range texts {
		errs = append(errs, errors.New(text))
	}
	return errs
}

// words returns the last lines that a container wrote.
func (r *verification) words(ctx context.Context, id string) string {
	logs, err := r.Engine.ContainerLogs(ctx, id, client.ContainerLogsOptions{ShowStdout: true, ShowStderr: true, Tail: "10"})
	if err != nil {
		return err.Error()
	}
	defer logs.Close()
	last := &lastLines{}
	_, _ = stdcopy.StdCopy(last, last, logs) // a terminal's stream has no headers: what was read is kept
	return last.String()
}

// files are the compose files that were used, relative to the build directory.
func (r *verification) files() string {
	var names []string
	for _, file := range r.stack.project.ComposeFiles {
		names = append(names, strings.TrimPrefix(file, r.tree+"/"))
	}
	return strings.Join(names, ", ")
}

func (r *verification) timeout() time.Duration {
	if r.Spec.Timeout > 0 {
		return r.Spec.Timeout
	}
	return 2 * time.Minute
}

func (r *verification) variables() map[string]string {
	if r.Variables == nil {
		return nil
	}
	return r.Variables.Map(true)
}

func (r *verification) environ() []string {
	env := os.Environ()
	for name, value := range r.variables() {
		env = append(env, name+"="+value)
	}
	return env
}
