package build

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Same tells whether two images would run the same: their configuration but for labels and times, and
// their files but for times. Only layers after those that both begin with are read, unless these alone can't
// tell. It decides whether a service has to be restarted.
func (c Contents) Same(a, b v1.Image) (bool, error) {
	configA, err := a.ConfigFile()
	if err != nil {
		return false, fmt.Errorf("read an image's configuration: %w", err)
	}
	configB, err := b.ConfigFile()
	if err != nil {
		return false, fmt.Errorf("read an image's configuration: %w", err)
	}
	if same, err := sameConfig(configA, configB); err != nil || !same {
		return false, err
	}
	layersA, err := a.Layers()
	if err != nil {
		return false, fmt.Errorf("read an image's layers: %w", err)
	}
	layersB, err := b.Layers()
	if err != nil {
		return false, fmt.Errorf("read an image's layers: %w", err)
	}
	common := 0
	idsA, idsB := configA.RootFS.DiffIDs, configB.RootFS.DiffIDs
	for common < min(len(idsA), len(idsB)) && idsA[common] == idsB[common] {
		common++
	}
	if common == len(idsA) && common == len(idsB) {
		return true, nil
	}
	return c.sameFiles(layersA[:common], layersA[common:], layersB[common:])
}

// sameConfig compares what a container is started with.
func sameConfig(a, b *v1.ConfigFile) (bool, error) {
	text := func(c *v1.ConfigFile) ([]byte, error) {
		started := v1.ConfigFile{Architecture: c.Architecture, OS: c.OS, OSVersion: c.OSVersion, OSFeatures: c.OSFeatures,
			Variant: c.Variant, Config: c.Config}
		started.Config.Labels, started.Config.Image, started.Config.Hostname = nil, "", ""
		return json.Marshal(started)
	}
	one, err := text(a)
	if err != nil {
		return false, err
	}
	other, err := text(b)
	return bytes.Equal(one, other), err
}

// sameFiles compares what two stacks of layers make of the base that both stand on.
func (c Contents) sameFiles(base, a, b []v1.Layer) (bool, error) {
	one, err := c.flatten(tree{}, a)
	if err != nil {
		return false, err
	}
	other, err := c.flatten(tree{}, b)
	if err != nil {
		return false, err
	}
	switch one.compare(other) {
	case equal:
		return true, nil
	case different:
		return false, nil
	}
	below, err := c.flatten(tree{}, base)
	if err != nil {
		return false, err
	}
	if one, err = c.flatten(maps.Clone(below), a); err != nil {
		return false, err
	}
	if other, err = c.flatten(below, b); err != nil {
		return false, err
	}
	return one.visible().equal(other.visible()), nil
}
