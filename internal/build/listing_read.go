package build

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"
)

// learn takes from the listings beside a deployed image what its layers hold. It is a saving: what no listing tells,
// or one that the image's label does not name, is read from the layers themselves.
func (i Images) learn(ctx context.Context, repository string, deployed v1.Image) error {
	config, err := deployed.ConfigFile()
	if err != nil {
		return err
	}
	bound := config.Config.Labels[LabelListing]
	if i.Listings == nil || bound == "" || i.Contents.all(config.RootFS.DiffIDs) {
		return nil
	}
	beside, err := i.Listings(ctx, repository, deployed)
	if err != nil {
		return err
	}
	for _, one := range beside {
		text, err := one.RawConfigFile()
		if err != nil {
			return err
		}
		if digest, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || digest.String() != bound {
			continue
		}
		var all index
		if err := json.Unmarshal(text, &all); err != nil {
			return err
		}
		return i.Contents.learn(ctx, all, one)
	}
	return errors.New("no listing beside the image is the one that its label names")
}

// learn keeps what a listing tells of layers that are not known here.
func (c Contents) learn(ctx context.Context, all index, from v1.Image) error {
	work, ctx := errgroup.WithContext(ctx)
	for _, one := range all.Layers {
		if _, ok := c.kept(one.Layer); ok {
			continue
		}
		work.Go(func() error {
			text, err := listedText(one, from)
			if err != nil {
				return fmt.Errorf("the listing of layer %s: %w", one.Layer, errors.Join(ctx.Err(), err))
			}
			plain, err := gzip.NewReader(bytes.NewReader(text))
			if err != nil {
				return err
			}
			told, err := io.ReadAll(plain)
			if err != nil {
				return err
			}
			found, err := readText(told)
			if err != nil {
				return fmt.Errorf("the listing of layer %s: %w", one.Layer, err)
			}
			c.write(one.Layer, listingSuffix, text)
			c.keep(one.Layer, found)
			return nil
		})
	}
	return work.Wait()
}

// listedText reads what a listing says of a layer, and proves that it is what the index names.
func listedText(one listed, from v1.Image) ([]byte, error) {
	layer, err := from.LayerByDigest(one.Listing)
	if err != nil {
		return nil, err
	}
	content, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(content)
	if err := errors.Join(err, content.Close()); err != nil {
		return nil, err
	}
	if digest, _, err := v1.SHA256(bytes.NewReader(text)); err != nil || digest != one.Listing {
		return nil, errors.Join(err, errors.New("it is not what the index names"))
	}
	return text, nil
}
