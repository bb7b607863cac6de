package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// ComposeServices runs prepare commands in one-off containers of the product's compose services, on the local
// engine. It implements InService.
type ComposeServices struct {
	Files     []string // compose files relative to the directory; none: what compose would find there
	Project   string
	Engine    client.APIClient
	Variables *Variables // for the compose files
}

var _ InService = ComposeServices{}

// RunIn implements InService. The directory is mounted as the compose file says; what the service depends on is
// started before and removed afterwards, with everything else of the project.
func (s ComposeServices) RunIn(ctx context.Context, dir, service string, command []string, env map[string]string, report flow.Report) (err error) {
	stack, restore, err := newComposition(s.Engine, projectName("prepare", s.Project, dir), report)
	if err != nil {
		return err
	}
	defer restore()
	if err := stack.down(ctx); err != nil {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	defer func() {
		ctx, cancel := flow.Cleanup(ctx)
		defer cancel()
		err = errors.Join(err, stack.down(ctx))
	}()
	var variables map[string]string
	if s.Variables != nil {
		variables = s.Variables.Map(true)
	}
	if err := stack.load(ctx, dir, s.Files, variables); err != nil {
		return err
	}
	if err := stack.isolate([]string{service}); err != nil {
		return err
	}
	needed := stack.dependencies(service)
	if err := errors.Join(stack.free(ctx, needed), stack.build(ctx)); err != nil {
		return err
	}
	if len(needed) > 0 {
		if err := stack.up(ctx, nil, []string{service}, 2*time.Minute); err != nil {
			return fmt.Errorf("start what service %s depends on: %w", service, err)
		}
	}
	return stack.oneOff(ctx, Command{Run: command, In: service}, caller(), env)
}

// caller is the user that hotfix runs as: what a container of root leaves in the directory could not be cleaned.
func caller() string { return fmt.Sprintf("%d:%d", os.Getuid(), os.Getgid()) }
