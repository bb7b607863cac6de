package build

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// younger tells whether a layer holds anything that is younger than the commit: a directory that COPY has made,
// what RUN wrote. Those times differ from build to build, and so would the image's digest.
func younger(layer v1.Layer, than time.Time) (bool, error) {
	content, err := layer.Uncompressed()
	if err != nil {
		return false, err
	}
	defer content.Close()
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("read a layer: %w", err)
		}
		if header.ModTime.After(than) {
			return true, nil
		}
	}
}

// clamp copies a layer with no time later than the given one.
func clamp(to io.Writer, from io.Reader, latest time.Time) error {
	in, out := tar.NewReader(from), tar.NewWriter(to)
	latest = latest.Truncate(time.Second)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return out.Close()
		}
		if err != nil {
			return err
		}
		if header.ModTime.After(latest) {
			header.ModTime = latest
		}
		header.AccessTime, header.ChangeTime = time.Time{}, time.Time{}
		if err := out.WriteHeader(header); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
		if _, err := io.Copy(out, in); err != nil {
			return fmt.Errorf("%s: %w", header.Name, err)
		}
	}
}
