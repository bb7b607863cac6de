package main

import (
	"context"

	"hotfix/internal/flow"
	"hotfix/internal/gitflow"
)

func (p *project) branch(version, from string) flow.Phase {
	return &gitflow.Start{Repository: p.repo, Settings: p.settings, Version: version, From: from}
}

func (p *project) mergeBack(version string) flow.Phase {
	return &gitflow.Finish{Repository: p.repo, Settings: p.settings, Version: version,
		Deployed: func(context.Context) (string, error) { return p.deployed(version), nil }}
}
