package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// load brings an image into the local engine under a tag. The engine pulls it from a registry that lives as long as
// that takes, so that it fetches only layers that it lacks: of a patched image, the patch. An engine that can't
// reach it is given all layers.
func load(ctx context.Context, engine client.APIClient, image v1.Image, tag string, report flow.Report) (id string, err error) {
	start := time.Now()
	how := "the layers that it lacked"
	if err := pull(ctx, engine, image, tag); err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		how = "all layers: " + err.Error()
		if err := loadAll(ctx, engine, image, tag); err != nil {
			return "", err
		}
	}
	fmt.Fprintf(report, "loaded into the engine in %.1f s: %s\n", time.Since(start).Seconds(), how)
	found, err := engine.ImageInspect(ctx, tag)
	return found.ID, err
}

func pull(ctx context.Context, engine client.APIClient, image v1.Image, tag string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: serve{image}, ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	defer server.Close()
	from := listener.Addr().String() + "/" + tag
	pulled, err := engine.ImagePull(ctx, from, client.ImagePullOptions{})
	if err == nil {
		err = errors.Join(pulled.Wait(ctx), pulled.Close())
	}
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := flow.Cleanup(ctx)
		defer cancel()
		_, _ = engine.ImageRemove(ctx, from, client.ImageRemoveOptions{}) // a name alone: the tag keeps the image
	}()
	_, err = engine.ImageTag(ctx, client.ImageTagOptions{Source: from, Target: tag})
	return err
}

func loadAll(ctx context.Context, engine client.APIClient, image v1.Image, tag string) error {
	ref, err := name.NewTag(tag)
	if err != nil {
		return err
	}
	out, in := io.Pipe()
	go func() { in.CloseWithError(tarball.Write(ref, image, in)) }()
	defer out.Close()
	loaded, err := engine.ImageLoad(ctx, out)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, loaded)
	return errors.Join(err, loaded.Close())
}

// serve is a registry of one image.
type serve struct{ image v1.Image }

// ServeHTTP implements http.Handler.
func (s serve) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	kind, last := path.Base(path.Dir(r.URL.Path)), path.Base(r.URL.Path)
	var err error
	switch digest, bad := v1.NewHash(last); {
	case kind == "manifests":
		err = s.manifest(w)
	case kind == "blobs" && bad == nil:
		err = s.blob(w, r, digest)
	default:
		err = errors.New("there is no " + r.URL.Path)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
	}
}

func (s serve) manifest(w http.ResponseWriter) error {
	text, err := s.image.RawManifest()
	if err != nil {
		return err
	}
	kind, err := s.image.MediaType()
	if err != nil {
		return err
	}
	digest, err := s.image.Digest()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", string(kind))
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, err = w.Write(text)
	return err
}

func (s serve) blob(w http.ResponseWriter, r *http.Request, digest v1.Hash) error {
	layer, err := s.image.LayerByDigest(digest)
	if err != nil {
		return err
	}
	size, err := layer.Size()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if r.Method == http.MethodHead {
		return nil
	}
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(w, content)
	return err
}
