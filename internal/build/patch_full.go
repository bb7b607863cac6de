package build

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

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
	delete(labels, LabelListing)
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
