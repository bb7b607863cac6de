package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"hotfix/internal/config"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

// project is the product's repository as a command finds it.
type project struct {
	app      *app
	git      gitflow.Git
	repo     *gitflow.Repository
	settings gitflow.Settings
	shared   *gitflow.SharedLog
	log      flow.Log // the shared one, without the secrets
	history  flow.History
}

func (a *app) open(ctx context.Context) (*project, error) {
	git := gitflow.Git{Interactive: a.ask() != nil}
	repo, err := git.Open(ctx, a.dir)
	if err != nil {
		return nil, err
	}
	p := &project{app: a, git: git, repo: repo}
	return p, p.configure(ctx, gitflow.Settings{})
}

// configure settles names and branches, and reads the log that the remote keeps.
func (p *project) configure(ctx context.Context, given gitflow.Settings) (err error) {
	was := p.settings.Remote
	if p.settings, err = p.repo.Settings(ctx, given); err != nil || p.settings.Remote == was {
		return err
	}
	p.shared = p.repo.SharedLog(p.settings.Remote)
	p.shared.Note = func(text string) { fmt.Fprintln(p.app.err, p.app.redactor.Text(text)) }
	p.log = p.app.redactor.Log(p.shared)
	p.history, err = p.log.Entries(ctx)
	return err
}

// version is the hotfix that is meant: the argument, or the current branch's.
func (p *project) version(ctx context.Context, args []string) (string, error) {
	if len(args) > 0 {
		return args[0], nil
	}
	branch, err := p.repo.CurrentBranch(ctx)
	if err != nil {
		return "", err
	}
	if version, ok := p.settings.Version(branch); ok {
		return version, nil
	}
	where := "no branch is checked out"
	if branch != "" {
		where = branch + " is no hotfix branch"
	}
	return "", flow.Refuse(errors.New("which hotfix? "+where), "name the version, or git switch "+p.settings.Branch("VERSION")+p.lastHint())
}

// versionOrLast is the version that is meant; on no hotfix branch, the one that the log saw last.
func (p *project) versionOrLast(ctx context.Context, args []string) (string, error) {
	version, err := p.version(ctx, args)
	if last, ok := p.last(); ok && err != nil {
		return last, nil
	}
	return version, err
}

// lastHint names the hotfix that the log saw last.
func (p *project) lastHint() string {
	if last, ok := p.last(); ok {
		return "; the last one was " + last
	}
	return ""
}

func (p *project) last() (version string, ok bool) {
	if len(p.history) == 0 {
		return "", false
	}
	return p.history[len(p.history)-1].Version, true
}

// commit is the hotfix commit: what the remote's branch is at, or, once that is gone or can't be asked, what the log
// says. What may go on without the remote, looking and the way back, does; the others' lock does not.
func (p *project) commit(ctx context.Context, version string) (string, error) {
	branch := p.settings.Branch(version)
	head, ok, err := p.repo.RemoteHead(ctx, p.settings.Remote, branch)
	known := p.logged(version)
	switch {
	case ok:
		return head, p.bring(ctx, head)
	case err != nil && (known == "" || !errors.Is(err, gitflow.ErrUnreachable)):
		return "", err
	case known != "":
		return known, p.bring(ctx, known)
	}
	return "", flow.Refuse(fmt.Errorf("there is no branch %s on %s", branch, p.settings.Remote), p.pushHint(ctx, branch, version))
}

func (p *project) pushHint(ctx context.Context, branch, version string) string {
	if _, err := p.repo.Resolve(ctx, "refs/heads/"+branch); err == nil {
		return "git push -u " + p.settings.Remote + " " + branch
	}
	return "hotfix start " + version
}

// logged is the commit of this version that the log saw last; empty where it knows of none.
func (p *project) logged(version string) (commit string) {
	for _, e := range p.history.Of(version, "") {
		if e.Commit != "" {
			commit = e.Commit
		}
	}
	return commit
}

// deployed is what the log knows of this version's last deployment.
func (p *project) deployed(ctx context.Context, version string) (d gitflow.Deployment, err error) {
	entries, err := p.log.Entries(ctx) // not as it was before we had the lock
	for _, e := range flow.History(entries).Of(version, "") {
		d.Known = true
		switch {
		case e.Kind == flow.Ended && e.Command == "deploy" && e.Facts["outcome"] == "done":
			d.Commit, d.RolledBack = e.Commit, false
		case e.Kind == flow.Done && e.Command == "rollback":
			d.Commit, d.RolledBack = e.Commit, true
		}
	}
	return d, err
}

// bring fetches a commit without touching any ref: planning changes nothing.
func (p *project) bring(ctx context.Context, commit string) error {
	if _, err := p.repo.Resolve(ctx, commit); err == nil {
		return nil
	}
	_, err := p.git.Run(ctx, p.repo.Dir(), "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", p.settings.Remote, commit)
	if err != nil {
		return fmt.Errorf("fetching %.7s: %w", commit, err)
	}
	return nil
}

// file returns the text of hotfix.yml and where it is from: --config, the hotfix commit, or, where the release is
// older than its hotfix.yml, the development branch.
func (p *project) file(ctx context.Context, commit string) (text []byte, from string, err error) {
	if p.app.configFile != "" {
		text, err := os.ReadFile(p.app.configFile)
		return text, p.app.configFile, flow.Refuse(err, "--config takes a file")
	}
	text, err = p.repo.File(ctx, commit, config.Name)
	if !errors.Is(err, fs.ErrNotExist) {
		return text, config.Name, err
	}
	head, ok, err := p.repo.RemoteHead(ctx, p.settings.Remote, p.settings.Development)
	if err == nil && ok {
		if err = p.bring(ctx, head); err == nil {
			text, err = p.repo.File(ctx, head, config.Name)
		}
	}
	if err != nil || !ok {
		return nil, "", flow.Refuse(fmt.Errorf("there is no %s at %.7s, nor on %s", config.Name, commit, p.settings.Development),
			"commit one (the README shows it), or add --config FILE")
	}
	return text, config.Name + " of " + p.settings.Development, nil
}

// committed is the time of a commit: nothing that is made of it is younger.
func (p *project) committed(ctx context.Context, commit string) (time.Time, error) {
	text, err := p.git.Run(ctx, p.repo.Dir(), "show", "--no-patch", "--format=%cI", commit)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339, strings.TrimSpace(text))
}

// cacheDir is this clone's own folder in the user's cache.
func (p *project) cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return filepath.Join(cache, "hotfix", folderName(p.repo.GitDir())), nil
}
