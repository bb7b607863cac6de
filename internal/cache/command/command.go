// Package command purges any CDN that a command can purge.
package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"hotfix/internal/flow"
)

// Purger runs the user's own command.
type Purger struct {
	Command []string
	// Env is its environment, secrets among it.
	Env func(ctx context.Context) ([]string, error)
}

// What implements cache.Purger.
func (p Purger) What() string { return "with " + strings.Join(p.Command, " ") }

// Checks implements cache.Purger.
func (p Purger) Checks() []flow.Check {
	return []flow.Check{{What: "purge command " + p.Command[0], Do: func(context.Context) (string, error) {
		path, err := exec.LookPath(p.Command[0])
		return path, flow.Hint(err, "install "+p.Command[0]+", or correct `cache.command` in hotfix.yml")
	}}}
}

// Purge implements cache.Purger.
func (p Purger) Purge(ctx context.Context, report flow.Report) error {
	env, err := p.Env(ctx)
	if err != nil {
		return err
	}
	cmd := flow.Command(ctx, p.Command[0], p.Command[1:]...)
	var words bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, report, io.MultiWriter(report, &words)
	if err := flow.ChildError(cmd, cmd.Run(), words.String()); err != nil {
		return fmt.Errorf("purging: %w", err)
	}
	return nil
}
