package build

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/docker/cli/cli/config"
	buildkit "github.com/moby/buildkit/client"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth/authprovider"
	"github.com/moby/buildkit/util/progress/progressui"
	"github.com/moby/moby/client"
	"github.com/tonistiigi/fsutil"
	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// solve lets the engine's own BuildKit build the image, and returns its id on the engine.
func (i Images) solve(ctx context.Context, spec ImageSpec, content string, report flow.Report) (id string, err error) {
	temporary, err := os.MkdirTemp("", "hotfix-build-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(temporary)
	tree, err := i.context(ctx, spec, filepath.Join(temporary, "context"))
	if err != nil {
		return "", err
	}
	if err := refuseIn(ctx, tree, spec); err != nil {
		return "", err
	}
	dockerfile, err := i.dockerfile(spec, filepath.Join(temporary, "dockerfile"))
	if err != nil {
		return "", err
	}
	options := i.options(spec, content, report)
	options.LocalMounts = map[string]fsutil.FS{"context": tree, "dockerfile": dockerfile}
	if err := solve(ctx, i.Engine, report, options); err != nil {
		return "", err
	}
	built, err := i.Engine.ImageInspect(ctx, localTag(spec.Name, i.Commit))
	return built.ID, err
}

func (i Images) options(spec ImageSpec, content string, report flow.Report) buildkit.SolveOpt {
	attrs := map[string]string{"filename": "Dockerfile"}
	for name, value := range i.labels(content) {
		attrs["label:"+name] = value
	}
	return buildkit.SolveOpt{
		Frontend:      "dockerfile.v0",
		FrontendAttrs: attrs,
		SharedKey:     i.Directory.Path + ":" + spec.Name, // what was sent before is not sent again
		Exports:       []buildkit.ExportEntry{{Type: "moby", Attrs: map[string]string{"name": localTag(spec.Name, i.Commit)}}},
		Session: []session.Attachable{authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
			AuthConfigProvider: authprovider.LoadAuthConfig(config.LoadDefaultConfigFile(report)),
		})},
	}
}

// solve talks to the BuildKit inside the engine, through the engine's own address.
func solve(ctx context.Context, engine client.APIClient, report flow.Report, options buildkit.SolveOpt) error {
	builder, err := buildkit.New(ctx, "",
		buildkit.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return engine.DialHijack(ctx, "/grpc", "h2c", nil)
		}),
		buildkit.WithSessionDialer(func(ctx context.Context, proto string, meta map[string][]string) (net.Conn, error) {
			return engine.DialHijack(ctx, "/session", proto, meta)
		}))
	if err != nil {
		return err
	}
	defer builder.Close()
	display, err := progressui.NewDisplay(report, progressui.PlainMode)
	if err != nil {
		return err
	}
	statuses := make(chan *buildkit.SolveStatus)
	var work errgroup.Group
	work.Go(func() error {
		_, err := builder.Solve(ctx, nil, options, statuses)
		return err
	})
	work.Go(func() error { // until Solve closes the channel, also after Ctrl-C
		_, err := display.UpdateFrom(context.WithoutCancel(ctx), statuses)
		return err
	})
	err = work.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// dockerfile is a directory of the Dockerfile alone: the ignore files beside it are ours to apply.
func (i Images) dockerfile(spec ImageSpec, dir string) (fsutil.FS, error) {
	text, err := i.read(spec.Dockerfile)
	if err != nil {
		return nil, flow.Refuse(err, "see images: "+spec.Name+": dockerfile: in hotfix.yml")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "Dockerfile"), text, 0o600); err != nil {
		return nil, err
	}
	return fsutil.NewFS(dir)
}

// read returns a file of the build directory, which a link can't lead out of.
func (i Images) read(name string) ([]byte, error) {
	root, err := os.OpenRoot(i.Directory.Path)
	if err != nil {
		return nil, err
	}
	text, err := root.ReadFile(filepath.FromSlash(name))
	return text, errors.Join(err, root.Close())
}

// escaped is a path as a pattern that matches it and nothing else.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(filepath.ToSlash(path))
}
