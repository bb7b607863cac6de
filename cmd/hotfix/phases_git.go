package main

import (
	"context"

	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

func (p *project) branch(version, from string) flow.Phase {
	return &gitflow.Start{Repository: p.repo, Settings: p.settings, Version: version, From: from}
}

func (p *project) mergeBack(version string, how finishFlags) flow.Phase {
	return &gitflow.Finish{Repository: p.repo, Settings: p.settings, Version: version, TagOnly: how.tagOnly, PullRequest: how.pullRequest,
		Deployed: func(ctx context.Context) (gitflow.Deployment, error) { return p.deployed(ctx, version) }}
}
