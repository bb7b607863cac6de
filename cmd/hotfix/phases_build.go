package main

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/build"
	"hotfix/internal/config"
	"hotfix/internal/flow"
)

func (d *deployment) sync() flow.Phase {
	return &build.Sync{Git: d.git, Repository: d.repo.Dir(), Remote: d.settings.Remote, Commit: d.hotfix.Commit,
		Directory: d.dir, Prepare: commands(d.file.Build.Prepare), Variables: d.variables,
		Cache: d.cache, Published: d.release, Unpushed: d.unpushed,
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
		Variables: d.variables, Verified: d.release.evidence.Verified, Published: d.release, Uncalled: d.nothingToVerify}
	if v := d.file.Verify; v != nil {
		phase.Spec = &build.Verification{ComposeFiles: v.ComposeFiles, Services: v.Services, Prepare: commands(v.Prepare),
			Keep: v.Keep, Timeout: time.Duration(v.Timeout)}
		for _, c := range v.Checks {
			phase.Spec.Checks = append(phase.Spec.Checks, build.Check(c))
		}
	}
	return phase
}

// nothingToVerify: what the patch changes enters no image. Prepare commands may make of any file what does.
func (d *deployment) nothingToVerify(ctx context.Context) (string, error) {
	if len(d.file.Build.Prepare) > 0 {
		return "", nil
	}
	c, known, err := d.changeset(ctx)
	if err != nil || !known {
		return "", err
	}
	var files []string
	for _, file := range c.files {
		files = append(files, file.Path)
		if file.From != "" {
			files = append(files, file.From)
		}
	}
	if enters, err := d.builder().Enters(files); err != nil || enters {
		return "", err
	}
	return "no file that it changes enters an image", nil
}

func (d *deployment) build() flow.Phase { return d.builder() }

func (d *deployment) builder() build.Images {
	phase := build.Images{Directory: d.dir, Tag: d.release.tag, Commit: d.hotfix.Commit, Version: d.hotfix.Version,
		Created: d.hotfix.Created, Engine: d.local, Cache: d.images(), Deployed: d.deployedImage, Published: d.release,
		Full: d.full, Baseline: d.baselineCommit, History: d.repo, Contents: d.contents(), Listings: d.listings}
	phase.Source, _ = d.repo.URL(context.Background(), d.settings.Remote)
	if d.file.Verify != nil {
		phase.Cleared = d.release.evidence.Cleared
	}
	for _, command := range d.file.Build.Prepare {
		phase.Prepared = append(phase.Prepared, command.Outputs...)
	}
	for _, name := range d.file.ImageNames() {
		image := d.file.Images[name]
		phase.Specs = append(phase.Specs, build.ImageSpec{Name: name, Repository: image.Repository,
			Dockerfile: image.Dockerfile, Ignore: image.Ignore, Filter: image.Filter, Smoke: image.Smoke,
			Allow: image.Allow})
	}
	return phase
}

func (d *deployment) images() build.Cache {
	return build.Cache{Dir: filepath.Join(d.cache, "images"), Deployed: d.deployedImage}
}

// contents tells what layers hold, read once on this machine.
func (d *deployment) contents() build.Contents {
	return build.Contents{Dir: filepath.Join(d.cache, "layers")}
}

// baselineCommit is what ran before this version's first change.
func (d *deployment) baselineCommit(ctx context.Context) (string, error) {
	_, commit, _, err := d.baseline(ctx)
	return commit, err
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

func commands(given []config.Command) []build.Command {
	var all []build.Command
	for _, c := range given {
		all = append(all, build.Command(c))
	}
	return all
}
