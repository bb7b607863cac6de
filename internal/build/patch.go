package build

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"

	"golang.org/x/sync/errgroup"
)

// A patched image is the deployed one and a layer of what changed since: nothing else has to be built or sent.
// Patches never pile up: where the deployed image is patched itself, the full one below it is patched anew.
type patched struct {
	full    fullImage
	new     placed
	sources []source
	changes []change // to the full image: the layer
	recent  []change // to the deployed one
	foreign []string // what differs though no commit has changed it: the deployed image came from a dirty directory
	patch   patch
	root    string // of what may enter the image
	content string // the directory's
}

// Labels of a patched image.
const (
	LabelBase  = "hotfix.base"  // the digest of the full image
	LabelPatch = "hotfix.patch" // the diff id of the layer on top of it; none where nothing differs
)

// maxLayers is the most that an engine runs.
const maxLayers = 125

// History reads files of the repository's commits; gitflow.Repository does.
type History interface {
	File(ctx context.Context, commit, path string) ([]byte, error)
	ChangedFiles(ctx context.Context, from, to string) ([]string, error)
}

// patched works out what a patch of the deployed image would be. Its error says why there can't be one: then the
// image is built in full. temporary is for what rsync lets through.
func (i Images) patched(ctx context.Context, spec ImageSpec, temporary string) (*patched, error) {
	if i.Full {
		return nil, errors.New("--full")
	}
	if i.Deployed == nil || i.Baseline == nil {
		return nil, errors.New("nothing is deployed")
	}
	text, err := i.read(spec.Dockerfile)
	if err != nil {
		return nil, err
	}
	recipe, err := readRecipe(text)
	if err != nil {
		return nil, err
	}
	p := &patched{}
	var work errgroup.Group // the directory is read while the registry answers
	work.Go(func() error { return i.look(ctx, spec, temporary, p) })
	base, err := i.below(ctx, spec, recipe, p)
	if looked := work.Wait(); err == nil {
		err = looked
	}
	if err != nil {
		return nil, err
	}
	return p, i.compare(ctx, recipe, base, p)
}

// below reads the full image that is to be patched, and returns what the base that it stands on holds.
func (i Images) below(ctx context.Context, spec ImageSpec, recipe recipe, p *patched) (base tree, err error) {
	if err := i.sameRules(ctx, spec); err != nil {
		return nil, err
	}
	deployed, err := i.Deployed(ctx, spec.Repository)
	if err != nil {
		return nil, fmt.Errorf("the deployed image can't be read: %w", err)
	}
	_ = i.learn(ctx, spec.Repository, deployed) // a saving: its layers are read where it fails
	full, err := fullBelow(deployed)
	if err != nil {
		return nil, err
	}
	own, err := recipe.layers(full.config.History, len(full.layers))
	if err != nil {
		return nil, err
	}
	split := len(full.layers) - own
	if base, err = i.Contents.flatten(tree{}, full.layers[:split]); err != nil {
		return nil, err
	}
	if full.old, err = i.Contents.flatten(maps.Clone(base), full.layers[split:]); err != nil {
		return nil, err
	}
	full.old = full.old.visible()
	p.full = full
	return base.visible(), nil
}

// compare works out what differs between the image and the directory, once both are read.
func (i Images) compare(ctx context.Context, recipe recipe, base tree, p *patched) (err error) {
	full := p.full
	if p.new, err = recipe.place(base, full.old, p.sources); err != nil {
		return err
	}
	p.changes = differences(full.old, p.new.tree)
	for _, c := range p.changes {
		if _, ok := p.new.from[c.path]; !ok && c.node.Kind == tar.TypeReg && !c.node.Gone {
			return fmt.Errorf("/%s would come back from the base image", c.path)
		}
	}
	deployed, err := i.Contents.flatten(maps.Clone(full.old), full.patch)
	if err != nil {
		return err
	}
	deployed = deployed.visible()
	p.recent = differences(deployed, p.new.tree)
	if p.foreign, err = i.unexplained(ctx, recipe, deployed, p.new); err != nil {
		return err
	}
	p.patch = patch{changes: p.changes, from: p.new.from, root: p.root, latest: i.Created}
	return nil
}

// sameRules tells whether the Dockerfile and what may enter the image are as they were at the baseline.
func (i Images) sameRules(ctx context.Context, spec ImageSpec) error {
	commit, err := i.Baseline(ctx)
	if err != nil {
		return fmt.Errorf("what was deployed is not known: %w", err)
	}
	names := []string{spec.Dockerfile, spec.Filter, spec.Ignore}
	if spec.Ignore == "" && spec.Filter == "" {
		names = append(names, spec.Dockerfile+dockerignore, dockerignore)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		now, err := i.read(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		before, failed := i.History.File(ctx, commit, path.Clean(filepath.ToSlash(name)))
		if failed != nil && !errors.Is(failed, fs.ErrNotExist) {
			return failed
		}
		if (err == nil) != (failed == nil) || string(now) != string(before) {
			return fmt.Errorf("%s has changed since %s", name, short(commit))
		}
	}
	return nil
}
