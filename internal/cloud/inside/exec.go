// Package inside runs commands and shells inside a container, and reads what containers write: what the targets that
// stand on docker's engine have in common.
package inside

import (
	"context"
	"io"

	"github.com/moby/moby/client"
)

// Exec runs a command in a container and returns its exit status.
func Exec(ctx context.Context, engine client.APIClient, container string, command []string, w io.Writer) (int, error) {
	made, err := engine.ExecCreate(ctx, container, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, err
	}
	attached, err := engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close) // the stream itself knows of no ctx
	defer stop()
	if err := Demux(attached.Reader, false, w, w); err != nil {
		return 0, causeOr(ctx, err)
	}
	return exit(ctx, engine, made.ID)
}

// exit returns the exit status of a command that has ended.
func exit(ctx context.Context, engine client.APIClient, exec string) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	ended, err := engine.ExecInspect(ctx, exec, client.ExecInspectOptions{})
	return ended.ExitCode, err
}

// causeOr prefers the reason why ctx ended.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
