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
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
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
	if err := i.sameRules(ctx, spec); err != nil {
		return nil, err
	}
	deployed, err := i.Deployed(ctx, spec.Repository)
	if err != nil {
		return nil, fmt.Errorf("the deployed image can't be read: %w", err)
	}
	full, err := fullBelow(deployed)
	if err != nil {
		return nil, err
	}
	own, err := recipe.layers(full.config.History, len(full.layers))
	if err != nil {
		return nil, err
	}
	return i.compare(ctx, spec, recipe, full, own, temporary)
}

// compare reads the image and the directory. own is how many of the image's layers its Dockerfile made.
func (i Images) compare(ctx context.Context, spec ImageSpec, recipe recipe, full fullImage, own int, temporary string) (*patched, error) {
	split := len(full.layers) - own
	base, err := i.Contents.flatten(tree{}, full.layers[:split])
	if err != nil {
		return nil, err
	}
	if full.old, err = i.Contents.flatten(maps.Clone(base), full.layers[split:]); err != nil {
		return nil, err
	}
	base, full.old = base.visible(), full.old.visible()
	context, err := i.context(ctx, spec, temporary)
	if err != nil {
		return nil, err
	}
	root, known := i.Directory.Path, readHashed(i.Directory.own("hashed"))
	if spec.Filter != "" {
		root, known = temporary, nil
	}
	p := &patched{full: full}
	if p.sources, err = sources(ctx, context, root, known); err != nil {
		return nil, err
	}
	if p.new, err = recipe.place(base, full.old, p.sources); err != nil {
		return nil, err
	}
	p.changes = differences(full.old, p.new.tree)
	for _, c := range p.changes {
		if _, ok := p.new.from[c.path]; !ok && c.node.Kind == tar.TypeReg && !c.node.Gone {
			return nil, fmt.Errorf("/%s would come back from the base image", c.path)
		}
	}
	deployed, err := i.Contents.flatten(maps.Clone(full.old), full.patch)
	if err != nil {
		return nil, err
	}
	deployed = deployed.visible()
	p.recent = differences(deployed, p.new.tree)
	if p.foreign, err = i.unexplained(ctx, recipe, deployed, p.new); err != nil {
		return nil, err
	}
	p.patch = patch{changes: p.changes, from: p.new.from, root: root, latest: i.Created}
	return p, nil
}

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
		if !slices.ContainsFunc(i.Prepared, func(made string) bool { return inside(name, clean(made)) }) {
			found = append(found, kind+" "+printable(name))
		}
	}
	slices.Sort(found)
	return found, nil
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

// A fullImage is a deployed image without what hotfix has put on top of it.
type fullImage struct {
	digest string
	config *v1.ConfigFile
	layers []v1.Layer
	stored []v1.Descriptor // as a manifest names the layers
	old    tree            // what they hold
	patch  []v1.Layer      // what is on top of it now, at most one
}

// fullBelow is the deployed image, without its patch where it has one.
func fullBelow(deployed v1.Image) (f fullImage, err error) {
	digest, err := deployed.Digest()
	if err != nil {
		return f, err
	}
	if f.config, err = deployed.ConfigFile(); err != nil {
		return f, err
	}
	if f.layers, err = deployed.Layers(); err != nil {
		return f, err
	}
	f.digest, f.config = digest.String(), f.config.DeepCopy()
	known := descriptors(deployed)
	for _, id := range f.config.RootFS.DiffIDs {
		stored, ok := known[id]
		if !ok {
			return f, errors.New("the deployed image's layers are of an unknown kind")
		}
		f.stored = append(f.stored, stored)
	}
	labels := f.config.Config.Labels
	if labels[LabelBase] != "" {
		f.digest = labels[LabelBase]
	}
	if on := labels[LabelPatch]; on != "" {
		last, history := len(f.layers)-1, len(f.config.History)-1
		if last < 0 || history < 0 || f.config.RootFS.DiffIDs[last].String() != on || f.config.History[history].EmptyLayer {
			return f, errors.New("the deployed image was made from a patched one")
		}
		f.patch = f.layers[last:]
		f.layers, f.stored = f.layers[:last], f.stored[:last]
		f.config.RootFS.DiffIDs, f.config.History = f.config.RootFS.DiffIDs[:last], f.config.History[:history]
	}
	delete(labels, LabelBase)
	delete(labels, LabelPatch)
	if len(f.layers) >= maxLayers {
		return f, fmt.Errorf("the deployed image has %d layers, and no engine runs more than %d", len(f.layers), maxLayers)
	}
	return f, nil
}

// layers is how many of an image's layers the recipe made: its instructions must be the end of the image's history.
func (r recipe) layers(history []v1.History, all int) (own int, err error) {
	real := len(slices.DeleteFunc(slices.Clone(history), func(h v1.History) bool { return h.EmptyLayer }))
	if real != all || len(history) < len(r) {
		return 0, errors.New("the deployed image does not tell how it was made")
	}
	for n, h := range history[len(history)-len(r):] {
		words := h.CreatedBy
		if _, after, ok := strings.Cut(words, "#(nop)"); ok { // the classic builder's
			words = after
		}
		name, _, _ := strings.Cut(strings.TrimSpace(words), " ")
		copies := len(r[n].sources) > 0
		if name != r[n].name || copies && h.EmptyLayer || !copies && !h.EmptyLayer && name != "WORKDIR" {
			return 0, fmt.Errorf("the deployed image was made by other instructions than the Dockerfile's: %q, not %s", h.CreatedBy, r[n].name)
		}
		if !h.EmptyLayer {
			own++
		}
	}
	return own, nil
}
