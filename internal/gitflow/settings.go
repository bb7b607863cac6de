package gitflow

import (
	"context"
	"errors"
	"strings"

	"hotfix/internal/flow"
)

// Settings say which branches and names the product uses. Zero fields are found out.
type Settings struct {
	Remote       string // origin
	Production   string // master
	Development  string // develop; the same as Production where there is none
	HotfixPrefix string // hotfix/
	TagPrefix    string // empty, or v
	Versions     string // calver, semver, or a regular expression
}

// Branch is the branch of a hotfix.
func (s Settings) Branch(version string) string { return s.HotfixPrefix + version }

// Tag is the tag of a version.
func (s Settings) Tag(version string) string { return s.TagPrefix + version }

// Version is the version of a hotfix branch, and whether it is one.
func (s Settings) Version(branch string) (string, bool) {
	version, ok := strings.CutPrefix(branch, s.HotfixPrefix)
	return version, ok && version != "" && branch != s.Production && branch != s.Development
}

// Settings fills in what is not given: from git-flow AVH's configuration, then from the remote's default branch,
// then from what the branches are usually called.
func (r *Repository) Settings(ctx context.Context, given Settings) (Settings, error) {
	s := given
	s.Remote = first(s.Remote, r.config["gitflow.origin"], "origin")
	s.Development = first(s.Development, r.config["gitflow.branch.develop"], "develop")
	s.HotfixPrefix = first(s.HotfixPrefix, r.config["gitflow.prefix.hotfix"], "hotfix/")
	s.TagPrefix = first(s.TagPrefix, r.config["gitflow.prefix.versiontag"])
	s.Versions = first(s.Versions, "calver")
	s.Production = first(s.Production, r.config["gitflow.branch.master"])
	if s.Production != "" {
		return s, nil
	}
	refs, err := r.refs(ctx)
	if err != nil {
		return given, err
	}
	s.Production = first(r.defaultBranch(ctx, s), usual(refs, "refs/remotes/"+s.Remote+"/"), usual(refs, "refs/heads/"))
	if s.Production == "" { // a clone of some branches
		there, err := r.lsRemote(ctx, s.Remote)
		if err != nil {
			return s, err
		}
		s.Production = usual(there, "refs/heads/")
	}
	if s.Production == "" {
		return s, flow.Refuse(errors.New("can't tell which branch is production: there is no master or main"),
			"git config gitflow.branch.master NAME, or git.production in hotfix.yml")
	}
	return s, nil
}

// defaultBranch is the remote's, unless that is the development branch: git-flow projects often show that first.
func (r *Repository) defaultBranch(ctx context.Context, s Settings) string {
	head, err := r.run(ctx, "symbolic-ref", "--quiet", "refs/remotes/"+s.Remote+"/HEAD")
	branch := strings.TrimPrefix(head, "refs/remotes/"+s.Remote+"/")
	if err != nil || branch == s.Development {
		return ""
	}
	return branch
}

// usual is the first of production's usual names that there is.
func usual(refs map[string]string, prefix string) string {
	for _, name := range []string{"master", "main"} {
		if refs[prefix+name] != "" {
			return name
		}
	}
	return ""
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
