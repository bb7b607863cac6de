package build

import (
	"archive/tar"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Files returns the SHA-256 of every regular file that a container of the image has, by absolute path, and which of
// them the topmost layer with any brought.
func (c Contents) Files(image v1.Image) (sums map[string]string, top []string, err error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, nil, fmt.Errorf("read an image's layers: %w", err)
	}
	all := tree{}
	for _, layer := range layers {
		found, err := c.layer(layer)
		if err != nil {
			return nil, nil, err
		}
		all.apply(found)
		if files := regular(found); len(files) > 0 {
			top = files
		}
	}
	sums = map[string]string{}
	for _, name := range regular(all) {
		sums[name] = fmt.Sprintf("%x", all[name[1:]].Sum)
	}
	return sums, top, nil
}

func regular(t tree) (paths []string) {
	for name, n := range t {
		if n.Kind == tar.TypeReg && !n.Gone {
			paths = append(paths, "/"+name)
		}
	}
	return paths
}
