package build

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"hotfix/internal/flow"
)

// settings are the repository's own, not the user's: "remote.origin.url" and the like.
func (s *Sync) settings(ctx context.Context) ([][2]string, error) {
	text, err := s.Git.Run(ctx, s.Repository, "config", "--local", "--list", "-z")
	if err != nil {
		return nil, err
	}
	var settings [][2]string
	for _, line := range fields(text) {
		name, value, _ := strings.Cut(line, "\n")
		settings = append(settings, [2]string{name, value})
	}
	return settings, nil
}

func setting(settings [][2]string, name string) string {
	value := ""
	for _, pair := range settings {
		if pair[0] == name {
			value = pair[1]
		}
	}
	return value
}

// source is where the commit comes from: the user's repository, after it has fetched it; the remote itself
// where that repository is shallow or partial, for then a clone of it lacks files and says nothing.
func (s *Sync) source(ctx context.Context, settings [][2]string) (string, error) {
	if _, err := s.Git.Run(ctx, s.Repository, "cat-file", "-e", s.Commit+"^{commit}"); err != nil {
		if _, err := s.Git.Run(ctx, s.Repository, "fetch", s.Remote); err != nil {
			return "", err
		}
		if _, err := s.Git.Run(ctx, s.Repository, "cat-file", "-e", s.Commit+"^{commit}"); err != nil {
			return "", flow.Hint(fmt.Errorf("%s does not have %s", s.Remote, s.Commit), "git push")
		}
	}
	shallow, err := s.Git.Run(ctx, s.Repository, "rev-parse", "--is-shallow-repository")
	if err != nil {
		return "", err
	}
	if strings.TrimSpace(shallow) == "true" || setting(settings, "remote."+s.Remote+".promisor") == "true" {
		return s.remoteURL(settings), nil
	}
	return s.Repository, nil
}

// remoteURL is the remote's, in a form that holds in another directory too.
func (s *Sync) remoteURL(settings [][2]string) string {
	url := setting(settings, "remote."+s.Remote+".url")
	if strings.HasPrefix(url, "./") || strings.HasPrefix(url, "../") {
		return filepath.Join(s.Repository, url)
	}
	return url
}

// configure gives the clone what a checkout depends on: the remote's address, for submodules that are relative
// to it, and the filters.
func (s *Sync) configure(ctx context.Context, settings [][2]string) error {
	wanted := [][2]string{{marker, s.Repository}, {"remote.origin.url", s.remoteURL(settings)}}
	for _, pair := range settings {
		for _, prefix := range []string{"filter.", "lfs.", "url."} {
			if strings.HasPrefix(pair[0], prefix) {
				wanted = append(wanted, pair)
			}
		}
	}
	for _, pair := range wanted {
		if pair[1] == "" {
			continue
		}
		if _, err := s.git(ctx, "config", "--replace-all", pair[0], pair[1]); err != nil {
			return err
		}
	}
	return nil
}
