package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	dockerconfig "github.com/docker/cli/cli/config"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/dockercloud"
	"hotfix/internal/flow"
)

// dockerHub is what `docker login` keeps the credentials for Docker Cloud under.
const dockerHub = "https://index.docker.io/v1/"

// dockerCloud is the stack of hotfix.yml on Docker Cloud, reached as its own client was.
func (d *deployment) dockerCloud() (cloud.Stack, error) {
	login, err := dockercloud.FindLogin(os.Getenv, func() (user, password string, err error) {
		kept, err := dockerconfig.LoadDefaultConfigFile(io.Discard).GetAuthConfig(dockerHub)
		return kept.Username, kept.Password, err
	})
	if err != nil {
		return nil, err
	}
	d.app.redactor.Hide(login.Secret)
	d.app.redactor.Hide(login.Header)
	config := dockercloud.Config{Login: login, Namespace: os.Getenv("DOCKERCLOUD_NAMESPACE"), REST: os.Getenv("DOCKERCLOUD_REST_HOST"),
		Stream: os.Getenv("DOCKERCLOUD_STREAM_HOST"), Candidates: d.candidates, Digest: d.registry.Digest, Image: d.registry.Image, Files: d.contents().Files}
	if m := d.spec.Migrate; m != nil {
		config.Migrates = m.Service
	}
	return dockercloud.New(d.spec.Name, config), nil
}

// followsTags tells whether services run what their tag names.
func (d *deployment) followsTags() bool { return cloud.TraitsOf(d.stack).FollowsTags }

// candidates are the digests that a tag may have had while its service was deployed: what it names now, and what the
// log says it named. Repositories that are not ours have none.
func (d *deployment) candidates(ctx context.Context, repository, tag string) (all []string, err error) {
	if !slices.Contains(d.repositories(), repository) {
		return nil, nil
	}
	now, err := d.registry.Digest(ctx, repository+":"+tag)
	if err != nil {
		return nil, err
	}
	all = append(all, now)
	entries, err := d.log.Entries(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range flow.History(entries) {
		for name, value := range e.Facts {
			switch {
			case e.Kind == flow.Baseline && strings.HasPrefix(value, repository+":"+tag+"@"):
				all = appendNew(all, value[strings.Index(value, "@")+1:])
			case name == "tag "+repository+":"+tag:
				all = appendNew(all, value)
			}
		}
	}
	return all, nil
}

// tellable refuses a tag's move to an image with the files of one that ran: nobody could tell afterwards which runs.
func (d *deployment) tellable(ctx context.Context) error {
	moves, err := d.moves(ctx)
	if err != nil {
		return err
	}
	for _, m := range moves {
		want, err := d.filesOf(ctx, m.Repository, m.Want)
		if err != nil {
			return err
		}
		for _, ran := range m.Ran {
			held, err := d.filesOf(ctx, m.Repository, ran)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if ran != m.Want && maps.Equal(held, want) {
				return flow.Hint(fmt.Errorf("%s holds the same files at %s and %s, which ran: Docker Cloud can't tell which of them runs",
					m.Repository, cloud.Short(m.Want), cloud.Short(ran)), "change a file as well: one that tells the commit is enough")
			}
		}
	}
	return nil
}

func (d *deployment) filesOf(ctx context.Context, repository, digest string) (map[string]string, error) {
	image, err := d.registry.Image(ctx, repository+"@"+digest)
	if err != nil {
		return nil, err
	}
	sums, _, err := d.contents().Files(image)
	return sums, err
}
