package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher/ignorefile"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"hotfix/internal/flow"
)

const dockerignore = ".dockerignore"

// context is what BuildKit may read: the directory, or what rsync let through into temporary, without what the
// ignore file names, and never a .git or a private file. Everything belongs to root, as with docker build.
func (i Images) context(ctx context.Context, spec ImageSpec, temporary string) (fsutil.FS, error) {
	root := i.Directory.Path
	if spec.Filter != "" {
		if err := i.rsync(ctx, spec.Filter, temporary); err != nil {
			return nil, err
		}
		root = temporary
	}
	tree, err := fsutil.NewFS(root)
	if err != nil {
		return nil, err
	}
	return i.filter(spec, tree)
}

// filter leaves out what must not enter the image.
func (i Images) filter(spec ImageSpec, tree fsutil.FS) (fsutil.FS, error) {
	patterns, err := i.excluded(spec)
	if err != nil {
		return nil, err
	}
	return fsutil.NewFilterFS(tree, &fsutil.FilterOpt{ExcludePatterns: patterns, Map: func(_ string, stat *types.Stat) fsutil.MapResult {
		stat.Uid, stat.Gid = 0, 0
		return fsutil.MapResultKeep
	}})
}

// excluded are the patterns of what must not enter the image, beyond what rsync's rules leave out.
func (i Images) excluded(spec ImageSpec) (patterns []string, err error) {
	if spec.Filter == "" || spec.Ignore != "" {
		name, text, err := i.ignoreFile(spec)
		if err != nil {
			return nil, err
		}
		if patterns, err = ignorefile.ReadAll(bytes.NewReader(text)); err != nil {
			return nil, flow.Refuse(fmt.Errorf("read %s: %w", name, err), "see docker's documentation of .dockerignore")
		}
		if name != dockerignore { // BuildKit would apply it too
			patterns = append(patterns, dockerignore)
		}
	} else {
		patterns = append(patterns, dockerignore)
	}
	patterns = append(patterns, ".git", "**/.git")
	for _, private := range i.Directory.Private {
		patterns = append(patterns, escaped(filepath.Clean(private)))
	}
	return patterns, nil
}

// ignoreFile returns the ignore file that applies, and its text; no text where there is none.
func (i Images) ignoreFile(spec ImageSpec) (name string, text []byte, err error) {
	if spec.Ignore != "" {
		text, err = i.read(spec.Ignore)
		return spec.Ignore, text, flow.Refuse(err, "see images: "+spec.Name+": ignore: in hotfix.yml")
	}
	for _, name = range []string{spec.Dockerfile + dockerignore, dockerignore} {
		text, err = i.read(name)
		if !errors.Is(err, fs.ErrNotExist) {
			return name, text, err
		}
	}
	return name, nil, nil
}

// rsync copies what the filter rules let through: they are rsync's language, so rsync reads them.
func (i Images) rsync(ctx context.Context, filter, to string) error {
	if _, err := os.Stat(filepath.Join(i.Directory.Path, filter)); err != nil {
		return flow.Refuse(err, "see `filter` in hotfix.yml")
	}
	args := []string{"-a", "--exclude=.git"}
	for _, private := range i.Directory.Private {
		args = append(args, "--exclude=/"+escaped(filepath.Clean(private)))
	}
	cmd := flow.Command(ctx, "rsync", append(args, "--filter=merge "+filter, "./", to+"/")...)
	cmd.Dir = i.Directory.Path
	var words bytes.Buffer
	cmd.Stderr = &words
	if err := flow.ChildError(cmd, cmd.Run(), words.String()); err != nil {
		return fmt.Errorf("apply %s: %w", filter, err)
	}
	return nil
}

func rsyncVersion(ctx context.Context) (string, error) {
	cmd := flow.Command(ctx, "rsync", "--version")
	out, err := cmd.Output()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.Join(strings.Fields(line), " "), flow.ChildError(cmd, err, "")
}
