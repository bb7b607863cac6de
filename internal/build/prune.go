package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// Prune removes old images from the cache, and what they are called on the local engine.
type Prune struct {
	Cache  Cache
	Engine client.APIClient
	Keep   int // commits
	// Needed tells why a commit's images must stay.
	Needed func(ctx context.Context) (map[string]string, error)
}

// Name implements flow.Phase.
func (p Prune) Name() string { return "images" }

// Plan implements flow.Phase.
func (p Prune) Plan(ctx context.Context) ([]flow.Action, error) {
	needed, err := p.Needed(ctx)
	if err != nil {
		return nil, err
	}
	commits, err := p.Cache.commits()
	if err != nil {
		return nil, err
	}
	var actions []flow.Action
	for _, commit := range commits[min(p.Keep, len(commits)):] {
		if needed[commit] != "" {
			continue
		}
		actions = append(actions, flow.Action{What: "remove the cached images of " + short(commit),
			Do: func(ctx context.Context, report flow.Report) error { return p.remove(ctx, commit, report) }})
	}
	if len(actions) == 0 {
		return nil, flow.Nothing(fmt.Sprintf("the cache holds images of no more than %d commits that nothing needs", p.Keep))
	}
	return actions, nil
}

// commits are those that there are images of, the newest first.
func (c Cache) commits() ([]string, error) {
	entries, err := os.ReadDir(c.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	made := map[string]int64{}
	var all []string
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !entry.IsDir() {
			continue
		}
		made[entry.Name()] = info.ModTime().UnixNano()
		all = append(all, entry.Name())
	}
	slices.SortFunc(all, func(a, b string) int { return int(min(1, max(-1, made[b]-made[a]))) })
	return all, nil
}

// remove takes the engine's names first: they are found by what the cache has.
func (p Prune) remove(ctx context.Context, commit string, report flow.Report) error {
	found, err := p.Engine.ImageList(ctx, client.ImageListOptions{Filters: make(client.Filters).Add("reference", "hotfix-build/*:"+commit)})
	if err != nil {
		return fmt.Errorf("list the images of %s on the local engine: %w", short(commit), err)
	}
	for _, image := range found.Items {
		for _, tag := range image.RepoTags {
			if !strings.HasPrefix(tag, "hotfix-build/") || !strings.HasSuffix(tag, ":"+commit) {
				continue
			}
			if _, err := p.Engine.ImageRemove(ctx, tag, client.ImageRemoveOptions{}); err != nil && !errdefs.IsNotFound(err) {
				return fmt.Errorf("remove %s from the local engine: %w", tag, err)
			}
			fmt.Fprintf(report, "removed %s from the local engine\n", tag)
		}
	}
	return os.RemoveAll(filepath.Join(p.Cache.Dir, commit))
}
