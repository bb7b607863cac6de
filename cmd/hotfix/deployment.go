package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/moby/moby/client"

	"hotfix/internal/build"
	"hotfix/internal/cloud"
	"hotfix/internal/config"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
	"hotfix/internal/registry"
)

// deployment is one hotfix and the stack that it is for: what the phases are made of. It is put together by
// reading; nothing is changed.
type deployment struct {
	*project
	hotfix    Hotfix
	file      *config.File
	key       string // the stack's key in hotfix.yml
	spec      config.Stack
	stack     cloud.Stack
	local     client.APIClient
	registry  *registry.Registry
	variables *build.Variables
	secrets   *build.Secrets
	dir       build.Directory
	cache     string
	release   *release
	full      bool     // no layer patching
	notes     []string // what the user should know, found on the way
}

// target is what the command line says of a deployment.
type target struct {
	version []string // the optional argument
	orLast  bool     // without it, on no hotfix branch: the one that the log saw last
	stack   string   // --stack
	sha     string   // --sha
	full    bool     // --full
}

// deployment resolves what the command line leaves open against the repository, the file and the stack.
func (a *app) deployment(ctx context.Context, t target) (*deployment, error) {
	p, err := a.open(ctx)
	if err != nil {
		return nil, err
	}
	d := &deployment{project: p, registry: registry.New(), full: t.full}
	of := p.version
	if t.orLast {
		of = p.versionOrLast
	}
	if d.hotfix.Version, err = of(ctx, t.version); err != nil {
		return nil, err
	}
	if d.hotfix.Commit, err = p.commit(ctx, d.hotfix.Version); err != nil {
		return nil, err
	}
	text, from, err := p.file(ctx, d.hotfix.Commit)
	if err != nil {
		return nil, err
	}
	if from != config.Name {
		d.notes = append(d.notes, "read from "+from)
	}
	if err := d.settle(ctx, from, text); err != nil {
		return nil, err
	}
	if err := d.pickStack(ctx, t.stack); err != nil {
		return nil, err
	}
	// The file may name variables; what they depend on is known now, but for the deployed sha.
	if err := d.expand(ctx, from, text, t.sha); err != nil {
		return nil, err
	}
	services, err := d.connect(ctx)
	if err != nil {
		return nil, err
	}
	if d.hotfix.Deployed, err = deployedSHA(d.file.ImageTag, t.sha, services); err != nil {
		return nil, err
	}
	if err := d.expand(ctx, from, text, d.hotfix.Deployed); err != nil {
		return nil, err
	}
	d.release = newRelease(d)
	return d, nil
}

// settle reads the file as it is written, for git's settings and the version's shape.
func (d *deployment) settle(ctx context.Context, from string, text []byte) error {
	raw, err := config.Parse(from, text, nil)
	if err != nil {
		return err
	}
	d.file = raw
	if err := d.configure(ctx, gitflow.Settings(raw.Git)); err != nil {
		return err
	}
	scheme, err := gitflow.ParseScheme(d.settings.Versions)
	if err != nil {
		return err
	}
	if err := scheme.Check(d.hotfix.Version); err != nil {
		return flow.Refuse(err, "name the hotfix's version, as in hotfix start")
	}
	d.hotfix.Release = scheme.Release(d.hotfix.Version)
	d.hotfix.Branch = d.settings.Branch(d.hotfix.Version)
	d.hotfix.Created, err = d.committed(ctx, d.hotfix.Commit)
	return err
}

func (d *deployment) pickStack(ctx context.Context, given string) (err error) {
	names := d.file.StackNames()
	switch {
	case given != "" && !slices.Contains(names, given):
		return flow.Refuse(fmt.Errorf("there is no stack %q in hotfix.yml", given), "its stacks: "+strings.Join(names, ", "))
	case given != "":
		d.key = given
	case len(names) == 0:
		return flow.Refuse(errors.New("hotfix.yml has no stack"), "add `stacks: { production: { target: compose, name: PROJECT } }`")
	case len(names) == 1:
		d.key = names[0]
	default:
		d.key, err = d.app.choose(ctx, "stack", "--stack", names)
	}
	return err
}

// expand reads the file once more with the values of its variables.
func (d *deployment) expand(ctx context.Context, from string, text []byte, deployed string) (err error) {
	if d.cache, err = d.cacheDir(); err != nil {
		return err
	}
	path := d.file.Build.Directory
	switch {
	case path == "":
		path = filepath.Join(d.cache, "build")
	case !filepath.IsAbs(path):
		path = filepath.Join(d.repo.Dir(), path)
	}
	d.dir = build.Directory{Path: path, Private: d.file.Build.Copy}
	remote, err := d.repo.URL(ctx, d.settings.Remote)
	if err != nil {
		return err
	}
	if d.secrets == nil {
		d.secrets = d.app.secrets(d.repo.Dir(), d.file)
	}
	routine := build.Routine{DeployedSHA: deployed, Branch: d.hotfix.Branch, Remote: remote, Directory: path,
		Version: d.hotfix.Version, Release: d.hotfix.Release}
	if d.variables, err = build.NewVariables(routine, d.file.Variables, d.secrets); err != nil {
		return err
	}
	if d.file, err = config.Parse(from, text, d.variables.Expand); err != nil {
		return err
	}
	d.secrets.EnvFiles, d.secrets.Commands = d.file.EnvFiles, d.file.Secrets // as expanded
	d.spec = d.file.Stacks[d.key]
	d.app.redactor.Public(append(d.file.StackNames(), d.spec.Name, d.file.Project, d.hotfix.Version, d.hotfix.Release)...)
	return nil
}

// secrets are hidden from the moment that they are known.
func (a *app) secrets(dir string, file *config.File) *build.Secrets {
	for _, value := range file.Variables {
		a.redactor.Public(value)
	}
	return &build.Secrets{Directory: dir, EnvFiles: file.EnvFiles, Commands: file.Secrets, Stdin: a.in, Stderr: a.err,
		Found: func(value string) { a.redactor.Hide(value) }}
}

// connect reaches the stack and returns its services that run one of the images.
func (d *deployment) connect(ctx context.Context) ([]cloud.Service, error) {
	var err error
	if d.local, err = dialLocal(); err != nil {
		return nil, err
	}
	if d.stack, err = d.dialStack(); err != nil {
		return nil, err
	}
	return d.affectable(ctx)
}

// dialStack is the stack of hotfix.yml: on an engine, or on Docker Cloud.
func (d *deployment) dialStack() (cloud.Stack, error) {
	if d.spec.Target == "dockercloud" {
		return d.dockerCloud()
	}
	engine, err := dial(d.spec.Context, d.spec.Host)
	if err != nil {
		return nil, err
	}
	return stackOn(engine, d.spec, d.registry), nil
}

// affectable are the services that run one of the images of hotfix.yml.
func (d *deployment) affectable(ctx context.Context) ([]cloud.Service, error) {
	services, err := d.stack.Services(ctx)
	if err != nil {
		return nil, err
	}
	ours := d.repositories()
	return slices.DeleteFunc(services, func(s cloud.Service) bool { return !slices.Contains(ours, s.Repository) }), nil
}

// repositories are where the images live.
func (d *deployment) repositories() []string {
	var all []string
	for _, name := range d.file.ImageNames() {
		all = append(all, d.file.Images[name].Repository)
	}
	return all
}

// place is what every prompt names. Over ssh the engine's own address says nothing: the context or the host does.
func (d *deployment) place() string {
	where := d.stack.Place()
	switch {
	case d.spec.Context != "":
		where += ", docker context " + d.spec.Context
	case d.spec.Host != "":
		where += ", " + d.spec.Host
	}
	return d.key + " (" + where + ")"
}
