package build

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Contents tells what layers hold. Each is read once: what was found is kept on disk by the layer's diff id, which
// names its content. Without a folder nothing is kept.
type Contents struct{ Dir string }

// layer returns a layer's own entries, whiteouts among them.
func (c Contents) layer(layer v1.Layer) (tree, error) {
	id, err := layer.DiffID()
	if err != nil {
		return nil, err
	}
	if found := c.kept(id); found != nil {
		return found, nil
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, err)
	}
	found, err := readLayer(content)
	if err := errors.Join(err, content.Close()); err != nil {
		return nil, fmt.Errorf("read layer %s: %w", id, err)
	}
	c.keep(id, found)
	return found, nil
}

func (c Contents) file(id v1.Hash) string {
	return filepath.Join(c.Dir, strings.ReplaceAll(id.String(), ":", "-"))
}

// kept is nil where the file is missing or damaged: it begins with the digest of what follows.
func (c Contents) kept(id v1.Hash) (found tree) {
	if c.Dir == "" {
		return nil
	}
	text, err := os.ReadFile(c.file(id))
	if err != nil || len(text) < sha256.Size || sha256.Sum256(text[sha256.Size:]) != [sha256.Size]byte(text) {
		return nil
	}
	if gob.NewDecoder(bytes.NewReader(text[sha256.Size:])).Decode(&found) != nil {
		return nil
	}
	return found
}

// keep is a saving: where it can't be written, the layer is read again.
func (c Contents) keep(id v1.Hash, found tree) {
	var text bytes.Buffer
	if c.Dir == "" || len(found) == 0 || gob.NewEncoder(&text).Encode(found) != nil || os.MkdirAll(c.Dir, 0o755) != nil {
		return
	}
	sum := sha256.Sum256(text.Bytes())
	file, err := os.CreateTemp(c.Dir, "new-")
	if err != nil {
		return
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(sum[:], text.Bytes()...))
	if errors.Join(err, file.Close()) == nil {
		_ = os.Rename(file.Name(), c.file(id))
	}
}

// flatten applies layers to what is below them, which it changes.
func (c Contents) flatten(below tree, layers []v1.Layer) (tree, error) {
	for _, layer := range layers {
		found, err := c.layer(layer)
		if err != nil {
			return nil, err
		}
		below.apply(found)
	}
	return below, nil
}
