package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"

	"github.com/moby/buildkit/client"
	"github.com/moby/go-archive"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/api/types/registry"
	moby "github.com/moby/moby/client"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// docker builds and pushes, as `docker build` and `docker push` do.
func (b *bench) docker(build func(ctx context.Context, tag string) error) func(context.Context) error {
	return func(ctx context.Context) error {
		tag := b.repository + ":" + b.commit[:7]
		if err := build(ctx, tag); err != nil {
			return err
		}
		b.tags = append(b.tags, tag)
		auth, err := b.auth()
		if err != nil {
			return err
		}
		pushed, err := b.engine.ImagePush(ctx, tag, moby.ImagePushOptions{RegistryAuth: auth})
		if err != nil {
			return err
		}
		defer pushed.Close()
		return pushed.Wait(ctx)
	}
}

func (b *bench) auth() (string, error) {
	return authconfig.Encode(registry.AuthConfig{Username: b.store.User, Password: b.store.Password, ServerAddress: b.wire.host})
}

// classic is the builder without BuildKit: it is sent everything each time.
func (b *bench) classic(ctx context.Context, tag string) error {
	content, err := archive.TarWithOptions(b.directory().Path, &archive.TarOptions{ExcludePatterns: []string{".git"}})
	if err != nil {
		return err
	}
	defer content.Close()
	built, err := b.engine.ImageBuild(ctx, content, moby.ImageBuildOptions{Tags: []string{tag}, Remove: true, Version: build.BuilderV1})
	if err != nil {
		return err
	}
	defer built.Body.Close()
	said, err := io.ReadAll(built.Body)
	if err == nil && !bytes.Contains(said, []byte("Successfully built")) {
		err = fmt.Errorf("the classic builder: %s", said)
	}
	return err
}

// buildkit builds from the same directory each time, so that only changed files are sent to the builder.
func (b *bench) buildkit(ctx context.Context, tag string) error {
	builder, err := client.New(ctx, "",
		client.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return b.engine.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		client.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return b.engine.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return err
	}
	defer builder.Close()
	all, err := fsutil.NewFS(b.directory().Path)
	if err != nil {
		return err
	}
	given, err := fsutil.NewFilterFS(all, &fsutil.FilterOpt{ExcludePatterns: []string{".git"}})
	if err != nil {
		return err
	}
	statuses := make(chan *client.SolveStatus)
	var work errgroup.Group
	work.Go(func() error {
		_, err := builder.Solve(ctx, nil, client.SolveOpt{Frontend: "dockerfile.v0", SharedKey: b.dir,
			LocalMounts: map[string]fsutil.FS{"context": given, "dockerfile": all},
			Exports:     []client.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": tag}}}}, statuses)
		return err
	})
	work.Go(func() error {
		for range statuses {
		}
		return nil
	})
	return work.Wait()
}

// close removes what docker was made to build.
func (b *bench) close(ctx context.Context) {
	undo, cancel := flow.Cleanup(ctx)
	defer cancel()
	for _, tag := range b.tags {
		_, _ = b.engine.ImageRemove(undo, tag, moby.ImageRemoveOptions{Force: true}) // it may not be there
	}
}
