package gitflow

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// commit makes the commit that `git merge --no-ff` would have made.
func (r *Repository) commit(ctx context.Context, m merge, tree string, sign bool) (string, error) {
	head := strings.NewReader(fmt.Sprintf("%s\t\t%s of .\n", m.named, m.what))
	message, err := r.git.pipe(ctx, r.dir, head, "fmt-merge-msg", "--into-name", m.branch)
	if err != nil {
		return "", err
	}
	// Under a signed tag's message stands, as a comment, what gpg says of it.
	message, err = r.git.pipe(ctx, r.dir, strings.NewReader(message), "stripspace", "--strip-comments")
	if err != nil {
		return "", err
	}
	args := []string{"commit-tree", tree, "-p", m.into, "-p", m.of}
	if sign { // unlike git merge, it does not look at commit.gpgSign
		args = append(args, "-S")
	}
	id, err := r.git.pipe(ctx, r.dir, strings.NewReader(message), args...)
	return strings.TrimSpace(id), err
}

// tag makes an annotated tag's object, and no ref: the tag exists once the remote has taken it. A ref is what
// `git tag` makes, so it is given another place for refs, with the same configuration and objects.
func (r *Repository) tag(ctx context.Context, name, commit, message string, sign bool) (string, error) {
	dir, err := os.MkdirTemp("", "hotfix-tag-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	format, err := r.run(ctx, "rev-parse", "--show-object-format")
	if err != nil {
		return "", err
	}
	if _, err := r.run(ctx, "init", "--quiet", "--bare", "--template=", "--object-format="+format, dir); err != nil {
		return "", err
	}
	if _, err := r.run(ctx, "config", "--file", filepath.Join(dir, "config"), "include.path",
		filepath.Join(r.common, "config")); err != nil {
		return "", err
	}
	view := r.with("GIT_DIR="+dir, "GIT_OBJECT_DIRECTORY="+r.objects)
	args := []string{"-c", "core.hooksPath=/dev/null", "tag", "-a", "-m", message}
	if !sign {
		args = append(args, "--no-sign")
	}
	if _, err := view.run(ctx, append(args, name, commit)...); err != nil {
		return "", err
	}
	return view.run(ctx, "rev-parse", "--verify", "refs/tags/"+name)
}
