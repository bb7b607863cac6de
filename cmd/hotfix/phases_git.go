package main

import (
	"context"
	"time"

	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

func (p *project) branch(version, from string) flow.Phase {
	return &gitflow.Start{Repository: p.repo, Settings: p.settings, Version: version, From: from,
		Creator: func(ctx context.Context) string { return p.starter(ctx, version) }}
}

// starter is who else started this version last. They were faster by a moment, which their log may need, too.
func (p *project) starter(ctx context.Context, version string) (who string) {
	for range 10 {
		p.shared.Refresh()
		entries, err := p.log.Entries(ctx)
		for _, e := range flow.History(entries).Of(version, "").Phase("start") {
			if e.Kind == flow.Done && e.Facts["created"] != "" {
				who = e.Who
			}
		}
		if who != "" || err != nil || ctx.Err() != nil {
			return who
		}
		time.Sleep(200 * time.Millisecond)
	}
	return ""
}

func (p *project) mergeBack(version string, how finishFlags) flow.Phase {
	return &gitflow.Finish{Repository: p.repo, Settings: p.settings, Version: version, TagOnly: how.tagOnly, PullRequest: how.pullRequest,
		Deployed: func(ctx context.Context) (gitflow.Deployment, error) { return p.deployed(ctx, version) }}
}
