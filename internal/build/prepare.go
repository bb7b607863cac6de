package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"hotfix/internal/flow"
)

// String is the command as it is shown.
func (c Command) String() string {
	text := strings.Join(c.Run, " ")
	if c.In != "" {
		text += " in " + c.In
	}
	return text
}

// prepareAction runs a prepare command, or restores its outputs where it has run on the same inputs.
func (s *Sync) prepareAction(ctx context.Context, command Command) flow.Action {
	if len(command.Inputs) == 0 || len(command.Outputs) == 0 {
		return flow.Action{What: "prepare: " + command.String(), Do: func(ctx context.Context, report flow.Report) error {
			return s.prepare(ctx, command, report)
		}}
	}
	what := "prepare: " + command.String()
	archive, err := s.archive(ctx, command)
	restorable := err == nil && archive != "" && exists(archive)
	if restorable {
		what = fmt.Sprintf("restore %s: the inputs of %s are unchanged", strings.Join(command.Outputs, ", "), command)
	}
	return flow.Action{What: what, Do: func(ctx context.Context, report flow.Report) error {
		archive, err := s.archive(ctx, command) // again: only now is the commit sure to be here
		if err != nil {
			return err
		}
		if restorable && exists(archive) {
			return unpack(archive, s.Directory.Path, command.Outputs)
		}
		if err := s.prepare(ctx, command, report); err != nil || archive == "" {
			return err
		}
		return s.keep(archive, command)
	}}
}

// prepare runs one command in the directory, with all variables in its environment.
func (s *Sync) prepare(ctx context.Context, command Command, report flow.Report) error {
	variables := s.Variables
	if variables == nil {
		variables = &Variables{secrets: &Secrets{}}
	}
	if err := variables.Secrets().Resolve(ctx); err != nil {
		return err
	}
	var err error
	if command.In != "" {
		err = s.InService.RunIn(ctx, s.Directory.Path, command.In, command.Run, variables.Map(true), report)
	} else {
		cmd := flow.Command(ctx, command.Run[0], command.Run[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = s.Directory.Path, report, report
		cmd.Env = append(os.Environ(), variables.Env(true)...)
		err = flow.ChildError(cmd, cmd.Run(), "") // its words are in the output: an error is not redacted
	}
	if err != nil {
		return flow.Hint(fmt.Errorf("prepare: %s: %w", command, err), "see its output; it ran in "+s.Directory.Path)
	}
	return nil
}

// archive is where the outputs of a command on this commit's inputs are kept: named after the command, the
// inputs as git knows them, and what the commit itself has in the outputs' place. It is empty where an input is
// not the commit's: then nobody can tell whether it has changed.
func (s *Sync) archive(ctx context.Context, command Command) (string, error) {
	args := []string{"ls-tree", "-z", "--full-tree", s.Commit, "--"}
	for _, name := range append(slices.Clone(command.Inputs), command.Outputs...) {
		if !filepath.IsLocal(name) {
			return "", flow.Refuse(fmt.Errorf("prepare: %s: %s is not a path inside the repository", command, name), "write it relative to the repository's root")
		}
		args = append(args, path.Clean(name))
	}
	text, err := s.Git.Run(ctx, s.Repository, args...)
	if err != nil {
		return "", err
	}
	objects := fields(text)
	for _, name := range command.Inputs {
		if !slices.ContainsFunc(objects, func(o string) bool { return strings.HasSuffix(o, "\t"+path.Clean(name)) }) {
			return "", nil
		}
	}
	key, _ := json.Marshal(struct { // strings only: it can't fail
		Command Command
		Objects []string
	}{command, objects})
	sum := sha256.Sum256(key)
	return filepath.Join(s.Cache, "prepared", hex.EncodeToString(sum[:])+".tar"), nil
}

// keep archives a command's outputs, and forgets the oldest ones. What was private stays out of it.
func (s *Sync) keep(archive string, command Command) error {
	for _, output := range command.Outputs {
		if !exists(filepath.Join(s.Directory.Path, output)) {
			return flow.Hint(fmt.Errorf("prepare: %s: it did not make %s", command, output), "see `outputs` in hotfix.yml")
		}
	}
	if err := pack(archive, s.Directory.Path, command.Outputs, s.Directory.Private); err != nil {
		return fmt.Errorf("keep the outputs of %s: %w", command, err)
	}
	return forget(filepath.Dir(archive), 8)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
