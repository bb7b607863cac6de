package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

func (d *deployment) rollout() cloud.Rollout {
	r := cloud.Rollout{Stack: d.stack, Release: d.release, Repositories: d.repositories(), Order: d.spec.Order,
		First: d.spec.Canary, Probe: d.spec.Probe, Baseline: d.before, Monitor: time.Duration(d.spec.Monitor), Timeout: time.Duration(d.spec.Timeout)}
	for _, c := range d.spec.Checks {
		r.Checks = append(r.Checks, cloud.Command{Run: c.Run, In: c.In})
	}
	return r
}

func (d *deployment) canary() flow.Phase { return cloud.Canary{Rollout: d.rollout()} }

func (d *deployment) redeploy() flow.Phase { return d.others() }

// others are the services after the canary, behind its gate.
func (d *deployment) others() cloud.Redeploy {
	return cloud.Redeploy{Rollout: d.rollout(), Looks: cloud.Looks(d.stack, d.app.in, d.app.err)}
}

func (d *deployment) restore() flow.Phase { return cloud.Restore{Rollout: d.rollout()} }

func (d *deployment) migrate() flow.Phase { return d.migration() }

func (d *deployment) migrateAfterCanary() flow.Phase {
	return cloud.MigrateAfterCanary{Migrate: d.migration(), Canary: d.others()}
}

func (d *deployment) migration() cloud.Migrate {
	phase := cloud.Migrate{Stack: d.stack, Release: d.release, Confirm: d.spec.Name, Since: d.hotfix.Deployed}
	if m := d.spec.Migrate; m != nil {
		phase.Spec = &cloud.Migration{Service: m.Service, Paths: m.Paths, Pending: m.Pending, Backup: m.Backup, Run: m.Run, ForEach: m.ForEach}
		if len(m.Paths) > 0 {
			phase.Changed = d.changedMigrations
		}
	}
	return phase
}

// changedMigrations are the files under migrate.paths that changed since the baseline, and a key that stays the
// same as long as their content does.
func (d *deployment) changedMigrations(ctx context.Context) (files []string, key string, err error) {
	_, since, _, err := d.baseline(ctx)
	if err != nil {
		return nil, "", err
	}
	changed, err := d.repo.ChangedFiles(ctx, since, d.hotfix.Commit)
	if err != nil {
		return nil, "", err
	}
	migrates, err := d.migrates()
	if err != nil {
		return nil, "", err
	}
	sum := sha256.New()
	for _, file := range changed {
		if !migrates(file) {
			continue
		}
		content, err := d.repo.File(ctx, d.hotfix.Commit, file)
		if err != nil && !isMissing(err) { // a deleted one has no content
			return nil, "", err
		}
		files = append(files, file)
		fmt.Fprintf(sum, "%q %x\n", file, sha256.Sum256(content))
	}
	return files, fmt.Sprintf("%x", sum.Sum(nil))[:16], nil
}

// proven returns nil once everything serves the patch.
func (d *deployment) proven(ctx context.Context) error {
	return cloud.Proven(ctx, d.stack, d.release, d.repositories())
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
