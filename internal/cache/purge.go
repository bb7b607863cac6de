// Package cache is the CDN's cache in front of the stack, not ours: what to purge there once the patch serves.
package cache

import (
	"context"
	"errors"
	"fmt"

	"hotfix/internal/flow"
)

// A Purger makes one CDN forget what it holds.
type Purger interface {
	// What says what is purged, in a line: "everything of example.com at Cloudflare".
	What() string
	// Checks prove that it will be allowed to.
	Checks() []flow.Check
	// Purge purges. A thing that fails does not keep it from the others; the error names all that failed.
	Purge(ctx context.Context, report flow.Report) error
}

// Purge is the phase: repeatable, and done once it has succeeded after the latest redeploy.
type Purge struct {
	Purgers []Purger
	// Purged tells when the log last saw it succeed after what serves now was put there.
	Purged func(ctx context.Context) (when string, ok bool)
	// Proven returns nil once every serving task runs the wanted digests: purged earlier, a CDN fills itself
	// with old pages again.
	Proven func(ctx context.Context) error
	// Uncalled tells why the patch leaves what is cached as right as it was; empty where it does not. nil: never.
	Uncalled func(ctx context.Context) string
}

// Name implements flow.Phase.
func (p *Purge) Name() string { return "purge" }

// Traits implements flow.Marked.
func (p *Purge) Traits() flow.Traits { return flow.Traits{Remote: true, Optional: true} }

// Checks implements flow.Checked.
func (p *Purge) Checks() []flow.Check {
	var checks []flow.Check
	for _, purger := range p.Purgers {
		checks = append(checks, purger.Checks()...)
	}
	return checks
}

// Plan implements flow.Phase.
func (p *Purge) Plan(ctx context.Context) ([]flow.Action, error) {
	if len(p.Purgers) == 0 {
		return nil, flow.Nothing("no `cache` in hotfix.yml")
	}
	if when, ok := p.Purged(ctx); ok {
		return nil, flow.Nothing("purged " + when + ", after the latest redeploy")
	}
	why := ""
	if p.Uncalled != nil {
		why = p.Uncalled(ctx)
	}
	var actions []flow.Action
	for _, purger := range p.Purgers {
		actions = append(actions, flow.Action{What: "purge " + purger.What(), Uncalled: why,
			Do: func(ctx context.Context, report flow.Report) error {
				if err := p.Proven(ctx); err != nil {
					return fmt.Errorf("not purged, or the old pages would be cached again: %w", err)
				}
				return purger.Purge(ctx, report)
			}})
	}
	return actions, nil
}

// Each does one thing for each of the names and returns all errors, each with its name.
func Each(names []string, do func(name string) error) error {
	var failures []error
	for _, name := range names {
		if err := do(name); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(failures...)
}
