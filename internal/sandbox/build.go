package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/go-archive"
	"github.com/moby/moby/api/types/build"
	"github.com/moby/moby/client"
	"github.com/moby/moby/client/pkg/jsonmessage"
	"github.com/moby/patternmatcher/ignorefile"
)

// buildImage is `docker build` in a directory, as a user would have done it before hotfix.
func buildImage(ctx context.Context, engine client.APIClient, directory string, options client.ImageBuildOptions) error {
	excludes, err := ignored(filepath.Join(directory, options.Dockerfile+".dockerignore"))
	if err != nil {
		return err
	}
	content, err := archive.TarWithOptions(directory, &archive.TarOptions{ExcludePatterns: excludes})
	if err != nil {
		return fmt.Errorf("read %s: %w", directory, err)
	}
	defer content.Close()
	options.Version, options.Remove, options.ForceRemove = build.BuilderV1, true, true
	options.BuildArgs = proxies()
	result, err := engine.ImageBuild(ctx, content, options)
	if err != nil {
		return fmt.Errorf("build %s: %w", options.Tags[0], err)
	}
	defer result.Body.Close()
	var output bytes.Buffer
	if err := jsonmessage.DisplayStream(result.Body, &output); err != nil {
		return fmt.Errorf("build %s: %w\n%s", options.Tags[0], err, lastLines(output.String(), 12))
	}
	return nil
}

// ignored reads an ignore file, where there is one.
func ignored(path string) ([]string, error) {
	f, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	patterns, err := ignorefile.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return patterns, nil
}

// proxies hands this machine's proxy, if it has one, to what is installed during a build.
func proxies() map[string]*string {
	args := map[string]*string{}
	for _, name := range []string{"http_proxy", "https_proxy", "no_proxy"} {
		if value, ok := os.LookupEnv(name); ok {
			args[name] = &value
		}
	}
	return args
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
