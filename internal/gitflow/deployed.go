package gitflow

import (
	"context"
	"fmt"
	"strings"
)

// compareDeployed decides whether the version must be typed: where what is merged is not what was deployed.
func (f *Finish) compareDeployed(ctx context.Context, view *Repository, w finishWorld) ([]string, error) {
	if f.Deployed == nil || w.hotfix == "" {
		return nil, nil
	}
	known, err := f.Deployed(ctx)
	deployed := known.Commit
	switch {
	case err != nil:
		return nil, err
	case known.RolledBack:
		f.confirm = f.Version
		return []string{fmt.Sprintf("ROLLED BACK: %s was deployed, and taken back since", short(deployed))}, nil
	case deployed == "" && known.Known:
		return []string{w.branch + " was never deployed to the end, says the log"}, nil
	case deployed == "":
		return []string{"it is not known whether " + w.branch + " was deployed"}, nil
	case strings.HasPrefix(w.hotfix, deployed):
		return []string{fmt.Sprintf("deployed as it is: %s", short(deployed))}, nil
	}
	f.confirm = f.Version
	details := []string{fmt.Sprintf("NOT what was deployed: that was %s, %s is at %s", short(deployed), w.branch, short(w.hotfix))}
	if here, err := view.has(ctx, deployed); err != nil || !here {
		return details, err
	}
	commits, err := view.Commits(ctx, deployed, w.hotfix)
	for _, c := range commits {
		details = append(details, "  never deployed: "+c.String())
	}
	return details, err
}

// openReleases names the release branches: finishing merges into none of them.
func (f *Finish) openReleases(w finishWorld) []string {
	var details []string
	for _, branch := range w.releases {
		details = append(details, fmt.Sprintf("%s is open and does not get it: git switch %s && git merge %s", branch, branch, w.tag))
	}
	return details
}

// releasePrefix is what release branches begin with.
func (r *Repository) releasePrefix() string {
	return first(r.config["gitflow.prefix.release"], "release/")
}
