// Package build makes images of exactly one pushed commit: deploy variables, the clean directory, the
// verification stack, the images.
package build

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"hotfix/internal/flow"
)

// Git runs git in a directory and returns what it wrote to its standard output; gitflow.Git implements it.
type Git interface {
	Run(ctx context.Context, dir string, args ...string) (string, error)
}

// Command is one command of hotfix.yml: a prepare step, a check.
type Command struct {
	Run     []string // the command and its arguments
	In      string   // the compose service whose one-off container it runs in; empty: this machine
	Inputs  []string // what it reads of the commit; with Outputs: it is not run again while they are the same
	Outputs []string // what it makes, kept and restored
}

// InService runs a command in a one-off container of a compose service, on the local engine, with dir as the
// project's directory and as the caller's user.
type InService interface {
	RunIn(ctx context.Context, dir, service string, command []string, env map[string]string, report flow.Report) error
}

// Directory is the clean build directory: a clone of the repository that holds one commit, what was prepared
// from it, and nothing else. Its `.git`, at any depth, is not part of its content: it never enters an image.
type Directory struct {
	Path    string   // absolute
	Private []string // untracked files copied into it, relative: they never enter an image
}

// Stamp says what the last completed sync left in the directory.
type Stamp struct {
	Commit  string    `json:"commit"`
	Content string    `json:"content"` // sha256, hex, of what may enter images
	Inputs  string    `json:"inputs"`  // of what it was made with: copies, prepare commands, variables
	Time    time.Time `json:"time"`
}

// Stamp returns the directory's stamp; where there is none, its error is an fs.ErrNotExist.
func (d Directory) Stamp() (Stamp, error) {
	var stamp Stamp
	text, err := os.ReadFile(d.own("stamp.json"))
	if err != nil {
		return stamp, fmt.Errorf("%s was never synced: %w", d.Path, err)
	}
	if err := json.Unmarshal(text, &stamp); err != nil {
		return stamp, fmt.Errorf("read the stamp of %s: %w", d.Path, err)
	}
	return stamp, nil
}
