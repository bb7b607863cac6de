package main

import (
	"cmp"
	"context"

	"github.com/moby/patternmatcher"

	"hotfix/internal/config"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

// changeset is what the hotfix is, compared with what ran before its first change.
type changeset struct {
	since      string // the baseline's commit
	commits    []gitflow.Commit
	files      []gitflow.Change
	migrations []string // of the files, those that migrate.paths names
	uncarried  []string // changes that swapping images does not bring to the stack
}

// changeset compares the baseline's commit with the hotfix's; ok is false where nothing runs yet.
func (d *deployment) changeset(ctx context.Context) (c changeset, ok bool, err error) {
	b, since, _, err := d.baseline(ctx)
	if err != nil || len(b) == 0 {
		return c, false, err
	}
	c.since = since
	if c.commits, err = d.repo.Commits(ctx, since, d.hotfix.Commit); err != nil {
		return c, false, err
	}
	if c.files, err = d.repo.Changes(ctx, since, d.hotfix.Commit); err != nil {
		return c, false, err
	}
	migrates, err := d.migrates()
	if err != nil {
		return c, false, err
	}
	for _, file := range c.files {
		if migrates(file.Path) || migrates(file.From) {
			c.migrations = append(c.migrations, file.Path)
		}
		told, err := d.uncarried(ctx, since, file)
		if err != nil {
			return c, false, err
		}
		c.uncarried = append(c.uncarried, told...)
	}
	return c, true, nil
}

// migrates tells which files migrate.paths names.
func (d *deployment) migrates() (func(file string) bool, error) {
	if d.spec.Migrate == nil || len(d.spec.Migrate.Paths) == 0 {
		return func(string) bool { return false }, nil
	}
	matcher, err := patternmatcher.New(d.spec.Migrate.Paths)
	if err != nil {
		return nil, flow.Refuse(err, "correct `migrate.paths` in hotfix.yml")
	}
	return func(file string) bool {
		ok, err := matcher.MatchesOrParentMatches(file)
		return file != "" && err == nil && ok
	}, nil
}

// uncarried is what a file's change would need of the stack, or of whoever keeps its env files.
func (d *deployment) uncarried(ctx context.Context, since string, file gitflow.Change) ([]string, error) {
	if !config.HasSettings(file.Path) {
		return nil, nil
	}
	before, err := d.repo.File(ctx, since, cmp.Or(file.From, file.Path))
	if err != nil && !isMissing(err) {
		return nil, err
	}
	after, err := d.repo.File(ctx, d.hotfix.Commit, file.Path)
	if err != nil && !isMissing(err) {
		return nil, err
	}
	changes := config.Uncarried(file.Path, before, after)
	for i, change := range changes {
		changes[i] = file.Path + ": " + change
	}
	return changes, nil
}
