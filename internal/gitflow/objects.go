package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// commit makes the commit that `git merge --no-ff` would have made. A draft has neither its message nor a signature.
func (r *Repository) commit(ctx context.Context, m merge, tree string, draft bool) (string, error) {
	message, args := "draft", []string{"commit-tree", tree, "-p", m.into, "-p", m.of}
	if !draft {
		var err error
		if message, err = r.mergeMessage(ctx, m); err != nil {
			return "", err
		}
		if r.signs(ctx) { // unlike git merge, it does not look at commit.gpgSign
			args = append(args, "-S")
		}
	}
	out, err := r.git.pipe(ctx, r.dir, strings.NewReader(message), args...)
	id := strings.TrimSpace(out)
	r.known.Store(descent{m.into, id}, true)
	r.known.Store(descent{m.of, id}, true)
	return id, err
}

// mergeMessage is git's own.
func (r *Repository) mergeMessage(ctx context.Context, m merge) (string, error) {
	head := strings.NewReader(fmt.Sprintf("%s\t\t%s of .\n", m.named, m.what))
	message, err := r.git.pipe(ctx, r.dir, head, "fmt-merge-msg", "--into-name", m.branch)
	if err != nil {
		return "", err
	}
	// Under a signed tag's message stands, as a comment, what gpg says of it.
	return r.git.pipe(ctx, r.dir, strings.NewReader(message), "stripspace", "--strip-comments")
}

// signs tells whether the user signs commits.
func (r *Repository) signs(ctx context.Context) bool {
	if _, set := r.config["commit.gpgsign"]; !set {
		return false
	}
	out, _ := r.run(ctx, "config", "--type=bool", "--get", "commit.gpgSign")
	return out == "true"
}

// tag makes an annotated tag's object, and no ref: the tag exists once the remote has taken it. A ref is what
// `git tag` makes, so it is given another place for refs, with the same configuration and objects.
func (r *Repository) tag(ctx context.Context, name, commit, message string) (string, error) {
	dir, err := os.MkdirTemp("", "hotfix-tag-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	if err := r.emptyTwin(dir, len(commit)); err != nil {
		return "", err
	}
	view := r.with("GIT_DIR="+dir, "GIT_OBJECT_DIRECTORY="+r.objects)
	if _, err := view.run(ctx, "-c", "core.hooksPath=/dev/null", "tag", "-a", "-m", message, name, commit); err != nil {
		return "", err
	}
	id, err := os.ReadFile(filepath.Join(dir, "refs", "tags", filepath.FromSlash(name)))
	return strings.TrimSpace(string(id)), err
}

// emptyTwin makes a repository without refs, configured as this one is. Ids of 64 digits are SHA-256's.
func (r *Repository) emptyTwin(dir string, digits int) error {
	format := "[core]\n\trepositoryFormatVersion = 0\n\tbare = true\n"
	if digits == 64 {
		format = "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n[extensions]\n\tobjectFormat = sha256\n"
	}
	config := format + "[include]\n\tpath = " + quoted(filepath.Join(r.common, "config")) + "\n"
	return errors.Join(os.Mkdir(filepath.Join(dir, "refs"), 0o755),
		os.WriteFile(filepath.Join(dir, "HEAD"), []byte("ref: refs/heads/none\n"), 0o644),
		os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o644))
}

// quoted is a path between quotes, as git reads it.
func quoted(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(path) + `"`
}
