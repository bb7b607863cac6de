package build

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/flow"
)

// road says how an image will be made, and of what.
func (i Images) road(ctx context.Context, spec ImageSpec) (what string, details []string, p *patched, err error) {
	temporary, err := os.MkdirTemp("", "hotfix-build-")
	if err != nil {
		return "", nil, nil, err
	}
	defer os.RemoveAll(temporary)
	p, err = i.patched(ctx, spec, temporary)
	switch {
	case ctx.Err() != nil:
		return "", nil, nil, ctx.Err()
	case err != nil:
		return i.what(spec), append([]string{"full build: " + err.Error()}, spec.details()...), nil, nil
	}
	what = fmt.Sprintf("patch %s:%s", spec.Repository, i.Tag)
	if len(p.foreign) > 0 {
		what += fmt.Sprintf("; no commit explains %d of its changes", len(p.foreign))
	}
	return what, append(p.summary(), spec.details()...), p, nil
}

// patch makes the patched image, proves it and tries it.
func (i Images) patch(ctx context.Context, p *patched, spec ImageSpec, content string, draft *draft, report flow.Report) (v1.Hash, error) {
	if err := refuse(p.paths(), p.openChanged(), spec); err != nil {
		return v1.Hash{}, err
	}
	for _, line := range p.summary() {
		fmt.Fprintln(report, line)
	}
	if len(p.foreign) > 0 {
		report.Fact("changed by no commit in "+spec.Repository, strings.Join(few(p.foreign, 50), ", "))
	}
	digest, err := i.finish(p, spec, content, draft)
	if err != nil || len(spec.Smoke) == 0 {
		return digest, err
	}
	image, err := i.Cache.open(ctx, draft.dir)
	if err != nil {
		return digest, err
	}
	id, err := load(ctx, i.Engine, image, localTag(spec.Name, i.Commit), report)
	if err != nil {
		return digest, fmt.Errorf("load %s into the engine, for its smoke command: %w", spec.Name, err)
	}
	return digest, smoke(ctx, i.Engine, id, spec, report)
}

// finish writes the patched image into the draft, and proves it.
func (i Images) finish(p *patched, spec ImageSpec, content string, draft *draft) (v1.Hash, error) {
	config := p.full.config.DeepCopy()
	for _, stored := range p.full.stored {
		draft.take(stored)
	}
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	labels := config.Config.Labels
	for name, value := range i.labels(content) {
		labels[name] = value
	}
	labels[LabelBase] = p.full.digest
	if len(p.changes) > 0 {
		diffID, err := p.patch.write(draft)
		if err != nil {
			return v1.Hash{}, err
		}
		labels[LabelPatch] = diffID.String()
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, diffID)
		config.History = append(config.History, v1.History{Created: v1.Time{Time: i.Created.UTC()}, CreatedBy: "hotfix " + i.Version, Comment: i.Commit})
		layer, err := p.prove(draft)
		if err != nil {
			return v1.Hash{}, err
		}
		i.Contents.keep(diffID, layer)
	}
	if _, listing, _, err := i.Contents.indexOf(config.RootFS.DiffIDs); err == nil {
		labels[LabelListing] = listing.String()
	}
	return draft.finish(dated(config, i.Created), spec.Repository)
}

// prove reads the layer as it was written: on top of the full image it must make exactly what the directory holds.
func (p *patched) prove(d *draft) (tree, error) {
	layer, err := readPacked(blobPath(d.dir, d.layers[len(d.layers)-1].Digest))
	if err != nil {
		return nil, err
	}
	made := maps.Clone(p.full.old)
	made.apply(layer.implied())
	if got := made.visible(); !got.equal(p.new.tree) {
		return nil, fmt.Errorf("the patched image would not hold what the directory does: %s", firstDifference(got, p.new.tree))
	}
	return layer, nil
}

// readPacked reads a layer that was written into the draft.
func readPacked(path string) (tree, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return readLayer(content)
}

// openChanged opens what the patch brings; whatever else there is, the deployed image has.
func (p *patched) openChanged() func(string) (io.ReadCloser, error) {
	brought := map[string]bool{}
	for _, c := range p.recent {
		if c.node.Kind == tar.TypeReg && !c.node.Gone && c.kind != 0 {
			brought[p.new.from[c.path]] = true
		}
	}
	return func(name string) (io.ReadCloser, error) {
		if !brought[name] {
			return nil, nil
		}
		return os.Open(filepath.Join(p.patch.root, filepath.FromSlash(name)))
	}
}

// paths are those that may enter the image; a directory's ends in a slash.
func (p *patched) paths() []string {
	var all []string
	for _, s := range p.sources {
		if s.node.Kind == tar.TypeDir {
			s.path += "/"
		}
		all = append(all, s.path)
	}
	return all
}

func firstDifference(got, want tree) string {
	for _, c := range differences(got, want) {
		if c.kind != 0 {
			return "/" + c.path
		}
	}
	return "nothing"
}

// summary says what the patch is about: a few files by name, the others by number.
func (p *patched) summary() []string {
	head := fmt.Sprintf("one layer of %d paths over %s; to what is deployed it changes:", affected(p.changes), digest12(p.full.digest))
	if affected(p.recent) == 0 {
		head = fmt.Sprintf("one layer of %d paths over %s; to what is deployed it changes nothing", affected(p.changes), digest12(p.full.digest))
	}
	var lines []string
	for _, c := range p.recent {
		if c.kind != 0 {
			lines = append(lines, string(c.kind)+" "+printable("/"+c.path))
		}
	}
	lines = append([]string{head}, few(lines, 12)...)
	if len(p.foreign) > 0 {
		lines = append(lines, "differs from what is deployed, though no commit since has changed it; the deployed version goes:")
		lines = append(lines, few(p.foreign, 50)...)
	}
	return lines
}

// asks is why a person must agree to the patch: what the deployed image has and no commit explains would go.
func (p *patched) asks() string {
	if p == nil || len(p.foreign) == 0 {
		return ""
	}
	return fmt.Sprintf("the deployed image was not made of its commit alone, and the patch undoes what no commit explains in %s", count(len(p.foreign), "file"))
}

// affected is how many paths a change is about, without the directories above them.
func affected(all []change) (n int) {
	for _, c := range all {
		if c.kind != 0 {
			n++
		}
	}
	return n
}

// printable is a path on one line, whatever is in its name.
func printable(path string) string {
	if strings.ContainsFunc(path, unicode.IsControl) {
		return strconv.Quote(path)
	}
	return path
}

// few keeps a list short enough to be read.
func few(lines []string, most int) []string {
	if len(lines) <= most {
		return lines
	}
	return append(lines[:most:most], fmt.Sprintf("and %d more", len(lines)-most))
}

func digest12(digest string) string {
	_, hex, _ := strings.Cut(digest, ":")
	return hex[:min(12, len(hex))]
}
