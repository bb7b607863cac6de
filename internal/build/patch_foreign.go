package build

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// unexplained lists the files that differ between the deployed image and the directory, though no commit since has
// changed them, and no prepare command makes them.
func (i Images) unexplained(ctx context.Context, recipe recipe, old tree, new placed) ([]string, error) {
	differ := map[string]string{}
	for name, n := range old {
		if _, ok := new.tree[name]; !ok && n.Kind != tar.TypeDir {
			differ[recipe.origin(name)] = "D"
		}
	}
	for name, n := range new.tree {
		if was, ok := old[name]; n.Kind != tar.TypeDir && !ok {
			differ[recipe.origin(name)] = "A"
		} else if n.Kind != tar.TypeDir && !was.same(n) {
			differ[recipe.origin(name)] = "M"
		}
	}
	if len(differ) == 0 {
		return nil, nil
	}
	baseline, err := i.Baseline(ctx)
	if err != nil {
		return nil, err
	}
	changed, err := i.History.ChangedFiles(ctx, baseline, i.Commit)
	if err != nil {
		return nil, fmt.Errorf("what has changed since %s is not known: %w", short(baseline), err)
	}
	for _, name := range changed {
		delete(differ, name)
	}
	var found []string
	for name, kind := range differ {
		made, err := i.made(ctx, name, kind)
		if err != nil {
			return nil, err
		}
		if !made {
			found = append(found, kind+" "+printable(name))
		}
	}
	slices.Sort(found)
	return found, nil
}

// made tells whether a file is what a prepare command makes: it is named among the outputs, or it lies in the
// directory and the commit does not have it.
func (i Images) made(ctx context.Context, name, kind string) (bool, error) {
	if slices.ContainsFunc(i.Prepared, func(output string) bool { return inside(name, clean(output)) }) {
		return true, nil
	}
	if kind == "D" {
		return false, nil
	}
	_, err := i.History.File(ctx, i.Commit, name)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// origin is the path of the directory that a path in the image is copied from.
func (r recipe) origin(name string) string {
	for _, one := range slices.Backward(r) {
		for _, from := range one.sources {
			to := clean(one.dest)
			switch rest := strings.TrimPrefix(strings.TrimPrefix(name, to), "/"); {
			case name == to || name == path.Join(to, path.Base(from)) && from != "":
				return from
			case inside(name, to):
				return path.Join(from, rest)
			}
		}
	}
	return "/" + name
}

// inside tells whether a path is another or below it; everything is below the root.
func inside(name, dir string) bool {
	return dir == "" || name == dir || strings.HasPrefix(name, dir+"/")
}
