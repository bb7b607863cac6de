package build

import (
	"bytes"
	"compress/gzip"
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
	if found, ok := c.kept(id); ok {
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

// Each layer has two files: the entries, quick to read, and the listing of them, as it is kept beside images.
const (
	entriesSuffix = ""
	listingSuffix = ".listing"
)

func (c Contents) file(id v1.Hash, suffix string) string {
	return filepath.Join(c.Dir, strings.ReplaceAll(id.String(), ":", "-")+suffix)
}

// kept is false where the file is missing or damaged.
func (c Contents) kept(id v1.Hash) (found tree, ok bool) {
	text := c.read(id, entriesSuffix)
	return found, text != nil && gob.NewDecoder(bytes.NewReader(text)).Decode(&found) == nil
}

// keep is a saving: where it can't be written, the layer is read again.
func (c Contents) keep(id v1.Hash, found tree) {
	var text bytes.Buffer
	if gob.NewEncoder(&text).Encode(found) == nil {
		c.write(id, entriesSuffix, text.Bytes())
	}
}

// keepPacked keeps what a written layer holds, without reading it again where that is known.
func (c Contents) keepPacked(id v1.Hash, path string) error {
	if c.Dir == "" || c.all([]v1.Hash{id}) {
		return nil
	}
	found, err := readPacked(path)
	if err == nil {
		c.keep(id, found)
	}
	return err
}

// all tells whether these layers were read on this machine.
func (c Contents) all(ids []v1.Hash) bool {
	for _, id := range ids {
		if _, err := os.Stat(c.file(id, entriesSuffix)); err != nil || c.Dir == "" {
			return false
		}
	}
	return true
}

// listing is the text of a layer that was read on this machine, compressed; nil where it was not.
func (c Contents) listing(id v1.Hash) []byte {
	if text := c.read(id, listingSuffix); text != nil {
		return text
	}
	found, ok := c.kept(id)
	if !ok {
		return nil
	}
	var packed bytes.Buffer
	compress := gzip.NewWriter(&packed)
	if _, err := compress.Write(found.text()); errors.Join(err, compress.Close()) != nil {
		return nil
	}
	c.write(id, listingSuffix, packed.Bytes())
	return packed.Bytes()
}

// read is nil where the file is missing or damaged: it begins with the digest of what follows.
func (c Contents) read(id v1.Hash, suffix string) []byte {
	if c.Dir == "" {
		return nil
	}
	text, err := os.ReadFile(c.file(id, suffix))
	if err != nil || len(text) < sha256.Size || sha256.Sum256(text[sha256.Size:]) != [sha256.Size]byte(text) {
		return nil
	}
	return text[sha256.Size:]
}

func (c Contents) write(id v1.Hash, suffix string, text []byte) {
	if c.Dir == "" || os.MkdirAll(c.Dir, 0o755) != nil {
		return
	}
	sum := sha256.Sum256(text)
	file, err := os.CreateTemp(c.Dir, "new-")
	if err != nil {
		return
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(sum[:], text...))
	if errors.Join(err, file.Close()) == nil {
		_ = os.Rename(file.Name(), c.file(id, suffix))
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
