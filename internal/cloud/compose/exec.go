package compose

import (
	"context"
	"io"

	"github.com/moby/moby/client"
)

// Exec implements cloud.Stack.
func (s *Stack) Exec(ctx context.Context, service string, command []string, w io.Writer) (int, error) {
	c, err := s.one(ctx, service)
	if err != nil {
		return 0, err
	}
	made, err := s.engine.ExecCreate(ctx, c.ID, client.ExecCreateOptions{Cmd: command, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return 0, s.reach("run a command in "+nameOf(c), err)
	}
	attached, err := s.engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{})
	if err != nil {
		return 0, s.reach("run a command in "+nameOf(c), err)
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close) // the stream itself knows of no ctx
	defer stop()
	if err := demux(attached.Reader, false, w, w); err != nil {
		return 0, s.reach("run a command in "+nameOf(c), causeOr(ctx, err))
	}
	return s.exit(ctx, made.ID)
}

// exit returns the exit status of a command that has ended.
func (s *Stack) exit(ctx context.Context, exec string) (int, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	ended, err := s.engine.ExecInspect(ctx, exec, client.ExecInspectOptions{})
	if err != nil {
		return 0, s.reach("ask how a command ended", err)
	}
	return ended.ExitCode, nil
}
