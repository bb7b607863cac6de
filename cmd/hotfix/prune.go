package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotfix/internal/build"
	"hotfix/internal/cloud"
	"hotfix/internal/flow"
	"hotfix/internal/registry"
)

func newPrune(a *app) *cobra.Command {
	var t target
	var f runFlags
	var keep int
	command := &cobra.Command{
		Use:   "prune [VERSION]",
		Short: "Remove old before-… tags, and old images from this machine",
		Long: `Remove the oldest of the before-… tags that keep what hotfixes replaced, and images
of old commits from this machine's cache and engine. What runs on any stack of
hotfix.yml stays, and so does what a hotfix that is not finished could go back to.`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if keep < 0 {
				return flow.Refuse(errors.New("--keep takes a number of tags"), "hotfix prune --keep 10")
			}
			if err := a.nobody(f); err != nil {
				return err
			}
			t.version, t.orLast = args, true
			d, err := a.deployment(cmd.Context(), t)
			if err != nil {
				return err
			}
			again := fmt.Sprintf("hotfix prune %s --keep %d", d.hotfix.Version, keep)
			r, _, err := d.project.runner(f, d.about("prune", again), d.prune(keep))
			if err != nil {
				return err
			}
			return r.Run(cmd.Context())
		},
	}
	command.Flags().IntVar(&keep, "keep", 10, "how many before-… tags a repository keeps, and of how many commits the cache has images")
	addStack(command, &t)
	addRun(command, &f)
	return command
}

// prune removes what no hotfix will ask for again.
func (d *deployment) prune(keep int) []flow.Phase {
	return []flow.Phase{
		&registry.Prune{Registry: d.registry, Repositories: d.repositories(), Keep: keep, Kept: d.kept(), Needed: d.neededImages},
		build.Prune{Cache: d.images(), Engine: d.local, Keep: keep, Needed: d.neededCommits},
	}
}

// kept tells when each before-… tag was made.
func (d *deployment) kept() map[string]time.Time {
	at := map[string]time.Time{}
	for _, e := range d.history.Phase("replace") {
		for fact, tag := range e.Facts {
			if repository, ok := strings.CutPrefix(fact, "kept "); ok && e.Kind == flow.Done {
				at[repository+":"+tag] = e.Time
			}
		}
	}
	return at
}

// neededImages are the digests that run anywhere, and those that an unfinished hotfix could go back to.
func (d *deployment) neededImages(ctx context.Context) (map[string]string, error) {
	needed := map[string]string{}
	entries, err := d.log.Entries(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range unfinished(entries) {
		for fact, ref := range e.Facts {
			if service, ok := strings.CutPrefix(fact, factService); ok && e.Kind == flow.Baseline {
				needed[parseRef(service, ref).Digest] = "hotfix " + e.Version + ", which is not finished, goes back to it"
			}
		}
	}
	for _, key := range d.file.StackNames() {
		services, err := d.servicesOf(ctx, key)
		if err != nil {
			return nil, flow.Hint(fmt.Errorf("what stack %s runs is not known: %w", key, err), "make it reachable: nothing is removed that may run there")
		}
		for _, s := range services {
			if s.Digest == "" && s.Running > 0 && slices.Contains(d.repositories(), s.Repository) {
				return nil, flow.Hint(fmt.Errorf("%s of %s runs several images, or one that is in no registry", s.Name, key), "hotfix status")
			}
			needed[s.Digest] = s.Name + " of " + key + " runs it"
		}
	}
	return needed, nil
}

func (d *deployment) servicesOf(ctx context.Context, key string) ([]cloud.Service, error) {
	if key == d.key {
		return d.stack.Services(ctx)
	}
	other := *d
	other.key, other.spec = key, d.file.Stacks[key]
	stack, err := other.dialStack()
	if err != nil {
		return nil, err
	}
	return stack.Services(ctx)
}

// neededCommits are those of hotfixes that are not finished.
func (d *deployment) neededCommits(ctx context.Context) (map[string]string, error) {
	entries, err := d.log.Entries(ctx)
	if err != nil {
		return nil, err
	}
	needed := map[string]string{}
	for _, e := range unfinished(entries) {
		needed[e.Commit] = "hotfix " + e.Version + " is not finished"
	}
	return needed, nil
}

// unfinished keeps what the log has of hotfixes that were not finished.
func unfinished(all []flow.Entry) (kept []flow.Entry) {
	finished := map[string]bool{}
	for _, e := range all {
		if e.Kind == flow.Ended && e.Command == "finish" && e.Facts["outcome"] == "done" {
			finished[e.Version] = true
		}
	}
	for _, e := range all {
		if !finished[e.Version] {
			kept = append(kept, e)
		}
	}
	return kept
}
