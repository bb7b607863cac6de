package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

// Hotfix is one patch of one release: resolved before the first phase, and never changed.
type Hotfix struct {
	Version  string    // 16.03.1b
	Release  string    // 16.03.1
	Branch   string    // hotfix/16.03.1b
	Commit   string    // the pushed head of the branch, in full
	Created  time.Time // the commit's
	Deployed string    // the sha in the running images' tag: 3209ce7
}

// tagOf is the image tag of a commit: image-tag with its short sha.
func tagOf(imageTag, commit string) string {
	return strings.ReplaceAll(imageTag, "${COMMITSHA}", short(commit))
}

// shaIn is the sha in an image tag of that shape.
func shaIn(imageTag, tag string) (string, bool) {
	before, after, _ := strings.Cut(imageTag, "${COMMITSHA}")
	shape, err := regexp.Compile("^" + regexp.QuoteMeta(before) + "([0-9a-f]{4,64})" + regexp.QuoteMeta(after) + "$")
	if err != nil {
		return "", false
	}
	match := shape.FindStringSubmatch(tag)
	if match == nil {
		return "", false
	}
	return match[1], true
}

// deployedSHA finds what the stack runs; a sha that was given must be among it.
func deployedSHA(imageTag, given string, services []cloud.Service) (string, error) {
	var found []string
	var story []string
	for _, s := range services {
		sha, ok := shaIn(imageTag, s.Tag)
		if !ok {
			sha = "no sha in its tag"
		} else if !slices.Contains(found, sha) {
			found = append(found, sha)
		}
		story = append(story, fmt.Sprintf("  %s runs %s (%s)", s.Name, s.Image, sha))
	}
	runs := strings.Join(story, "\n")
	switch {
	case len(services) == 0:
		return "", flow.Refuse(errors.New("no service of the stack runs one of the `images`"), "compare `repository` in hotfix.yml with `docker ps`")
	case given != "":
		for _, sha := range found {
			if strings.HasPrefix(sha, given) || strings.HasPrefix(given, sha) {
				return sha, nil
			}
		}
		return "", flow.Refuse(fmt.Errorf("the stack does not run %s:\n%s", given, runs), "leave --sha out, or give one of these")
	case len(found) == 0:
		return "", flow.Refuse(fmt.Errorf("no running image's tag has the shape of image-tag, %s:\n%s", imageTag, runs), "correct `image-tag` in hotfix.yml")
	case len(found) > 1:
		return "", flow.Refuse(fmt.Errorf("the stack runs several commits:\n%s", runs), "say which one is patched: --sha "+found[0])
	}
	return found[0], nil
}

// runningCommit is the commit that a service runs: what its image's label says, else the sha in its tag.
func (p *project) runningCommit(ctx context.Context, imageTag string, s cloud.Service) (string, error) {
	commit := s.Labels["org.opencontainers.image.revision"]
	if commit == "" {
		sha, ok := shaIn(imageTag, s.Tag)
		if !ok {
			return "", nil // a base image, or one of another shape: nothing is known to be lost
		}
		commit = sha
	}
	full, err := p.repo.Resolve(ctx, commit)
	if err != nil && len(commit) >= 40 {
		if err = p.bring(ctx, commit); err == nil {
			full, err = p.repo.Resolve(ctx, commit)
		}
	}
	if err != nil {
		return "", flow.Hint(fmt.Errorf("%s runs %s, which is not in this repository: %w", s.Name, commit, err), "git fetch --tags "+p.settings.Remote)
	}
	return full, nil
}

// descends refuses a patch that would drop another: the hotfix commit must descend from every commit that runs.
func (p *project) descends(ctx context.Context, h Hotfix, imageTag string, services []cloud.Service) error {
	seen := map[string]bool{}
	var lost []string
	for _, s := range services {
		running, err := p.runningCommit(ctx, imageTag, s)
		if err != nil {
			return err
		}
		if running == "" || running == h.Commit || seen[running] {
			continue
		}
		seen[running] = true
		if ok, err := p.repo.IsAncestor(ctx, running, h.Commit); err != nil {
			return err
		} else if ok {
			continue
		}
		commits, err := p.repo.Commits(ctx, h.Commit, running)
		if err != nil {
			return err
		}
		lost = append(lost, fmt.Sprintf("%s runs %s; without it you would lose:", s.Name, short(running)))
		lost = append(lost, listed(commits)...)
	}
	if len(lost) == 0 {
		return nil
	}
	return flow.Refuse(fmt.Errorf("%s does not descend from what runs:\n  %s", short(h.Commit), strings.Join(lost, "\n  ")),
		fmt.Sprintf("git merge what runs into %s and push it, or start again: hotfix start VERSION --from SHA", h.Branch))
}

func listed(commits []gitflow.Commit) []string {
	var lines []string
	for _, c := range commits {
		lines = append(lines, "  "+c.String())
	}
	return lines
}

func short(commit string) string { return commit[:min(7, len(commit))] }

// folderName is a readable name for a path that no other path has.
func folderName(path string) string {
	sum := sha256.Sum256([]byte(path))
	return fmt.Sprintf("%s-%x", filepath.Base(filepath.Dir(path)), sum[:4])
}
