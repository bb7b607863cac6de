package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/patternmatcher"

	"hotfix/internal/build"
	"hotfix/internal/cache"
	"hotfix/internal/cache/cloudflare"
	"hotfix/internal/cache/command"
	"hotfix/internal/cloud"
	"hotfix/internal/config"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
	"hotfix/internal/registry"
)

func (p *project) branch(version, from string) flow.Phase {
	return &gitflow.Start{Repository: p.repo, Settings: p.settings, Version: version, From: from}
}

func (p *project) mergeBack(version string) flow.Phase {
	return &gitflow.Finish{Repository: p.repo, Settings: p.settings, Version: version,
		Deployed: func(context.Context) (string, error) { return p.deployed(version) }}
}

func (d *deployment) sync() flow.Phase {
	return &build.Sync{Git: gitflow.Git{}, Repository: d.repo.Dir(), Remote: d.settings.Remote, Commit: d.hotfix.Commit,
		Directory: d.dir, Prepare: commands(d.file.Build.Prepare), Variables: d.variables,
		Cache: filepath.Join(d.cache, "prepared"), Published: d.release, Unpushed: d.unpushed,
		InService: build.ComposeServices{Files: d.composeFiles(), Project: d.file.Project, Engine: d.local, Variables: d.variables}}
}

func (d *deployment) unpushed(ctx context.Context) ([]string, error) {
	if _, err := d.repo.Resolve(ctx, "refs/heads/"+d.hotfix.Branch); err != nil {
		return nil, nil // there is no such branch here
	}
	commits, err := d.repo.Unpushed(ctx, d.settings.Remote, d.hotfix.Branch)
	return listed(commits), err
}

func (d *deployment) composeFiles() []string {
	if d.file.Verify == nil {
		return nil
	}
	return d.file.Verify.ComposeFiles
}

func (d *deployment) verify() flow.Phase {
	phase := build.Verify{Directory: d.dir, Commit: d.hotfix.Commit, Project: d.file.Project, Engine: d.local,
		Variables: d.variables, Verified: d.release.evidence.Verified, Published: d.release}
	if v := d.file.Verify; v != nil {
		phase.Spec = &build.Verification{ComposeFiles: v.ComposeFiles, Services: v.Services, Prepare: commands(v.Prepare),
			Keep: v.Keep, Timeout: time.Duration(v.Timeout)}
		for _, c := range v.Checks {
			phase.Spec.Checks = append(phase.Spec.Checks, build.Check(c))
		}
	}
	return phase
}

func (d *deployment) build() flow.Phase {
	phase := build.Images{Directory: d.dir, Tag: d.release.tag, Commit: d.hotfix.Commit, Version: d.hotfix.Version,
		Created: d.hotfix.Created, Engine: d.local, Cache: d.images(), Deployed: d.deployedImage, Published: d.release}
	phase.Source, _ = d.repo.URL(context.Background(), d.settings.Remote)
	if d.file.Verify != nil {
		phase.Cleared = d.release.evidence.Cleared
	}
	for _, name := range d.file.ImageNames() {
		image := d.file.Images[name]
		phase.Specs = append(phase.Specs, build.ImageSpec{Name: name, Repository: image.Repository,
			Dockerfile: image.Dockerfile, Ignore: image.Ignore, Filter: image.Filter, Smoke: image.Smoke})
	}
	return phase
}

func (d *deployment) images() build.Cache {
	return build.Cache{Dir: filepath.Join(d.cache, "images"), Deployed: d.deployedImage}
}

// deployedImage is the image that runs from a repository: its layers need not be uploaded again.
func (d *deployment) deployedImage(ctx context.Context, repository string) (v1.Image, error) {
	b, _, _, err := d.baseline(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range b.sorted() {
		if s.Repository == repository {
			return d.registry.Image(ctx, repository+"@"+s.Digest)
		}
	}
	return nil, fmt.Errorf("nothing runs from %s: %w", repository, fs.ErrNotExist)
}

// built gives push the images of this commit.
type built struct {
	cache  build.Cache
	commit string
}

func (b built) Image(ctx context.Context, name string) (v1.Image, error) {
	return b.cache.Image(ctx, name, b.commit)
}

func (d *deployment) push() flow.Phase {
	return &registry.Push{Registry: d.registry, Targets: d.release.targets, Accept: d.release.accept,
		Built: built{d.images(), d.hotfix.Commit}}
}

func (d *deployment) rollout() cloud.Rollout {
	r := cloud.Rollout{Stack: d.stack, Release: d.release, Repositories: d.repositories(), Order: d.spec.Order,
		First: d.spec.Canary, Baseline: d.before, Monitor: time.Duration(d.spec.Monitor), Timeout: time.Duration(d.spec.Timeout)}
	for _, c := range d.spec.Checks {
		r.Checks = append(r.Checks, cloud.Command{Run: c.Run, In: c.In})
	}
	return r
}

func (d *deployment) canary() flow.Phase { return cloud.Canary{Rollout: d.rollout()} }

func (d *deployment) redeploy() flow.Phase {
	return cloud.Redeploy{Rollout: d.rollout(), Looks: cloud.Looks(d.stack, d.app.in, d.app.err)}
}

func (d *deployment) restore() flow.Phase { return cloud.Restore{Rollout: d.rollout()} }

func (d *deployment) migrate() flow.Phase {
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
	matcher, err := patternmatcher.New(d.spec.Migrate.Paths)
	if err != nil {
		return nil, "", flow.Refuse(err, "correct `migrate.paths` in hotfix.yml")
	}
	sum := sha256.New()
	for _, file := range changed {
		if ok, err := matcher.MatchesOrParentMatches(file); err != nil || !ok {
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

func (d *deployment) replace() flow.Phase {
	phase := &registry.Replace{Registry: d.registry, Version: d.hotfix.Version, Moves: d.moves, Proven: d.proven}
	if !d.spec.Replaces() {
		phase.Off = "`replace: false` in hotfix.yml"
	}
	return phase
}

func (d *deployment) putBack() flow.Phase {
	return &registry.PutBack{Registry: d.registry, Moves: d.moves}
}

// proven returns nil once everything serves the patch.
func (d *deployment) proven(ctx context.Context) error {
	return cloud.Proven(ctx, d.stack, d.release, d.repositories())
}

func (d *deployment) purge() flow.Phase {
	return &cache.Purge{Purgers: d.purgers(), Purged: d.purged, Proven: d.proven}
}

// purgeAgain is purge after a rollback: only where something was redeployed is there anything to forget.
func (d *deployment) purgeAgain() flow.Phase {
	proven := func(ctx context.Context) error {
		before, err := d.before(ctx)
		if err != nil {
			return err
		}
		return cloud.Proven(ctx, d.stack, ran(before), d.repositories())
	}
	purged := func() (string, bool) {
		if _, ok := d.lastRedeploy(); !ok {
			return "before", true
		}
		return d.purged()
	}
	return &cache.Purge{Purgers: d.purgers(), Purged: purged, Proven: proven}
}

// ran is the release that ran before.
type ran map[string]string

// Want implements cloud.Release.
func (r ran) Want(_ context.Context, s cloud.Service) (string, error) { return r[s.Name], nil }

func (d *deployment) purgers() []cache.Purger {
	var all []cache.Purger
	if c := d.spec.Cache.Cloudflare; c != nil {
		all = append(all, cloudflare.Purger{Zones: c.Zones, Verify: c.Verify, BaseURL: os.Getenv("CLOUDFLARE_BASE_URL"),
			Token: func(ctx context.Context) (string, error) { return d.secrets.Value(ctx, "CLOUDFLARE_API_TOKEN") }})
	}
	if len(d.spec.Cache.Command) > 0 {
		all = append(all, command.Purger{Command: d.spec.Cache.Command, Env: func(ctx context.Context) ([]string, error) {
			err := d.secrets.Resolve(ctx)
			return append(os.Environ(), d.variables.Env(true)...), err
		}})
	}
	return all
}

// purged tells when the log last saw a purge succeed after the latest redeploy.
func (d *deployment) purged() (string, bool) {
	entries, err := d.log.Entries(context.Background())
	if err != nil {
		return "", false
	}
	purge, ok := flow.History(entries).Of(d.hotfix.Version, d.key).Phase("purge").Last(flow.Done)
	redeploy, redeployed := d.lastRedeploy()
	if !ok || (redeployed && redeploy.Time.After(purge.Time)) {
		return "", false
	}
	return purge.Time.Local().Format(time.DateTime), true
}

// lastRedeploy is the newest change of what serves.
func (d *deployment) lastRedeploy() (flow.Entry, bool) {
	entries, err := d.log.Entries(context.Background())
	if err != nil {
		return flow.Entry{}, false
	}
	var newest flow.Entry
	for _, phase := range []string{"canary", "redeploy", "restore"} {
		if e, ok := flow.History(entries).Of(d.hotfix.Version, d.key).Phase(phase).Last(flow.Done); ok && e.Time.After(newest.Time) {
			newest = e
		}
	}
	return newest, !newest.Time.IsZero()
}

func commands(given []config.Command) []build.Command {
	var all []build.Command
	for _, c := range given {
		all = append(all, build.Command(c))
	}
	return all
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
