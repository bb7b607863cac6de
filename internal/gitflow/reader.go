package gitflow

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A reader answers what the repository holds. go-git answers where it can open the repository, git elsewhere.
type reader interface {
	// refs returns every branch, tag and remote branch by its full name, with the commit that it comes down to.
	refs(ctx context.Context) (map[string]string, error)
	// abbreviated returns the commits whose id begins with prefix.
	abbreviated(ctx context.Context, prefix string) ([]string, error)
	changed(ctx context.Context, a, b string) ([]string, error)
	// file returns fs.ErrNotExist where the commit has no such file.
	file(ctx context.Context, commit, path string) ([]byte, error)
}

// newReader picks go-git unless the repository has something that it can't read, or reads wrongly: extensions,
// partial clones (it fetches nothing), borrowed objects (it doesn't abbreviate those).
func newReader(r *Repository) reader {
	special := false
	for name := range r.config {
		special = special || strings.HasPrefix(name, "extensions.") || strings.HasSuffix(name, ".promisor")
	}
	_, err := os.Stat(filepath.Join(r.common, "objects", "info", "alternates"))
	if !special && err != nil {
		if g := (gogitReader{r.dir}); g.works() {
			return steadyReader{g, gitReader{r}}
		}
	}
	return gitReader{r}
}

// steadyReader asks git wherever go-git has no answer: while another git packs or writes, objects and refs move under
// go-git, and what it does not find may be there.
type steadyReader struct{ fast, sure reader }

func (s steadyReader) refs(ctx context.Context) (map[string]string, error) {
	refs, err := s.fast.refs(ctx)
	if err != nil {
		return s.sure.refs(ctx)
	}
	return refs, nil
}

func (s steadyReader) abbreviated(ctx context.Context, prefix string) ([]string, error) {
	ids, err := s.fast.abbreviated(ctx, prefix)
	if err != nil || len(ids) == 0 {
		return s.sure.abbreviated(ctx, prefix)
	}
	return ids, nil
}

func (s steadyReader) changed(ctx context.Context, a, b string) ([]string, error) {
	paths, err := s.fast.changed(ctx, a, b)
	if err != nil {
		return s.sure.changed(ctx, a, b)
	}
	return paths, nil
}

func (s steadyReader) file(ctx context.Context, commit, path string) ([]byte, error) {
	content, err := s.fast.file(ctx, commit, path)
	if err != nil {
		return s.sure.file(ctx, commit, path)
	}
	return content, nil
}

// gitReader reads through git itself.
type gitReader struct{ *Repository }

func (g gitReader) refs(ctx context.Context) (map[string]string, error) {
	out, err := g.run(ctx, "for-each-ref", "--format=%(refname) %(objectname) %(*objectname)",
		"refs/heads", "refs/tags", "refs/remotes")
	refs := map[string]string{}
	for _, line := range strings.Split(out, "\n") {
		if field := strings.Fields(line); len(field) > 1 {
			refs[field[0]] = field[len(field)-1]
		}
	}
	return refs, err
}

func (g gitReader) abbreviated(ctx context.Context, prefix string) ([]string, error) {
	out, err := g.run(ctx, "rev-parse", "--disambiguate="+prefix)
	if err != nil {
		return nil, err
	}
	var commits []string
	for _, id := range strings.Fields(out) {
		kind, err := g.run(ctx, "cat-file", "-t", id)
		if err != nil {
			return nil, err
		}
		if kind == "commit" {
			commits = append(commits, id)
		}
	}
	return commits, nil
}

func (g gitReader) changed(ctx context.Context, a, b string) ([]string, error) {
	out, err := g.run(ctx, "diff-tree", "-r", "-z", "--name-only", "--no-renames", a, b)
	return fields(out), err
}

func (g gitReader) file(ctx context.Context, commit, path string) ([]byte, error) {
	out, err := g.run(ctx, "--literal-pathspecs", "ls-tree", "--full-tree", "-z", commit, "--", path)
	if err != nil {
		return nil, err
	}
	meta, name, _ := strings.Cut(strings.TrimSuffix(out, "\x00"), "\t")
	entry := strings.Fields(meta) // mode, type, id
	if len(entry) != 3 || entry[1] != "blob" || name != path {
		return nil, fmt.Errorf("%s at %s: %w", path, short(commit), fs.ErrNotExist)
	}
	content, err := g.git.pipe(ctx, g.dir, nil, "cat-file", "blob", entry[2])
	return []byte(content), err
}

// fields splits what git ends with NUL.
func fields(out string) []string {
	out = strings.TrimSuffix(out, "\x00")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\x00")
}

// short is how a commit is shown.
func short(commit string) string { return commit[:min(7, len(commit))] }
