package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// A merge is computed in memory: into one commit, of another one.
type merge struct {
	into, of string // commits
	branch   string // that into is the head of, for the message
	what     string // that of is, as git calls it: "branch 'hotfix/16.03.1b'"
	named    string // what the message is made from: of itself, or the tag on it
}

var objectID = regexp.MustCompile(`^[0-9a-f]{40,64}$`)

// mergeTree merges without touching a working tree. What has all of the other side is the merge. The attributes that
// decide how (merge=union, drivers) are those of the commit merged into, as if it were checked out: git would take them
// from the user's working tree and index, so it is given a working tree with nothing but these files, and no index.
func (r *Repository) mergeTree(ctx context.Context, m merge) (tree string, conflicts []string, err error) {
	if inside, err := r.IsAncestor(ctx, m.into, m.of); err != nil || inside {
		tree, treeErr := r.tree(ctx, m.of)
		return tree, nil, errors.Join(err, treeErr)
	}
	dir, err := os.MkdirTemp("", "hotfix-merge-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	tree = filepath.Join(dir, "tree")
	if err := r.writeAttributes(ctx, m.into, tree); err != nil {
		return "", nil, err
	}
	view := r.with("GIT_DIR="+r.gitDir, "GIT_WORK_TREE="+tree, "GIT_INDEX_FILE="+filepath.Join(dir, "index"))
	out, err := view.git.pipe(ctx, tree, nil, "merge-tree", "--write-tree", "-z", "--name-only", "--messages", m.into, m.of)
	field := strings.Split(out, "\x00")
	// Status 1 means conflicts, but with some versions also an unknown commit: only a tree's id tells.
	if (err != nil && exitCode(err) != 1) || !objectID.MatchString(field[0]) {
		return "", nil, fmt.Errorf("merging %s into %s: %w", m.what, m.branch, err)
	}
	if err == nil {
		return field[0], nil, nil
	}
	return "", conflictsIn(field[1:]), nil
}

// conflictsIn reads merge-tree's answer: paths, an empty field, then for each message the number of its paths,
// the paths, its kind and its text.
func conflictsIn(field []string) []string {
	var paths, conflicts []string
	for len(field) > 0 && field[0] != "" {
		paths, field = append(paths, field[0]), field[1:]
	}
	for field = field[min(1, len(field)):]; len(field) > 1; {
		var count int
		if _, err := fmt.Sscan(field[0], &count); err != nil || len(field) < count+3 {
			break
		}
		if kind := field[count+1]; strings.HasPrefix(kind, "CONFLICT") {
			conflicts = append(conflicts, strings.TrimSpace(field[count+2]))
		}
		field = field[count+3:]
	}
	for _, p := range paths {
		if !strings.Contains(strings.Join(conflicts, "\n"), p) {
			conflicts = append(conflicts, "CONFLICT in "+p)
		}
	}
	return conflicts
}

// attributes names a commit's .gitattributes files and their blobs. Listing a tree takes longer than merging it, so
// what was found is remembered: commits never change.
func (r *Repository) attributes(ctx context.Context, commit string) (map[string]string, error) {
	if known, ok := r.known.Load(commit); ok {
		return known.(map[string]string), nil
	}
	out, err := r.run(ctx, "ls-tree", "-r", "-z", "--full-tree", commit)
	if err != nil {
		return nil, err
	}
	blobs := map[string]string{}
	for entry := range strings.SplitSeq(out, "\x00") {
		meta, name, _ := strings.Cut(entry, "\t") // 100644 blob ID
		if path.Base(name) == ".gitattributes" && strings.HasPrefix(meta, "100") {
			blobs[name] = strings.Fields(meta)[2]
		}
	}
	r.known.Store(commit, blobs)
	return blobs, nil
}

// writeAttributes writes a commit's .gitattributes files, and nothing else of it, below dir.
func (r *Repository) writeAttributes(ctx context.Context, commit, dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	blobs, err := r.attributes(ctx, commit)
	if err != nil {
		return err
	}
	for name, blob := range blobs {
		content, err := r.git.pipe(ctx, r.dir, nil, "cat-file", "blob", blob)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}
