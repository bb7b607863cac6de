package build

import (
	"context"

	"github.com/tonistiigi/fsutil"
)

// look reads the directory, once: its content, and what of it may enter the image.
func (i Images) look(ctx context.Context, spec ImageSpec, temporary string, p *patched) error {
	entries, err := scan(ctx, i.Directory.Path, i.Directory.Private, readHashed(i.Directory.own("hashed")))
	if err != nil {
		return err
	}
	p.content = digest(entries)
	var tree fsutil.FS
	sums := make(map[string]fileSum, len(entries))
	if spec.Filter != "" {
		p.root = temporary // rsync's copy: its digests are not these
		tree, err = i.context(ctx, spec, temporary)
	} else {
		p.root = i.Directory.Path
		for _, e := range entries {
			if e.kind == 'f' || e.kind == 'x' {
				sums[e.path] = e.sum
			}
		}
		tree, err = i.filter(spec, scanned{p.root, entries})
	}
	if err != nil {
		return err
	}
	p.sources, err = sources(ctx, tree, p.root, sums)
	return err
}
