package compose

import (
	"context"
	"io"
	"os"

	"hotfix/internal/cloud/inside"
)

// Exec implements cloud.Stack.
func (s *Stack) Exec(ctx context.Context, service string, command []string, w io.Writer) (int, error) {
	c, err := s.one(ctx, service)
	if err != nil {
		return 0, err
	}
	exit, err := inside.Exec(ctx, s.engine, c.ID, command, w)
	if err != nil {
		return 0, s.reach("run a command in "+nameOf(c), err)
	}
	return exit, nil
}

// Shell implements cloud.Stack.
func (s *Stack) Shell(ctx context.Context, service string, command []string, in, out *os.File) (int, error) {
	c, err := s.one(ctx, service)
	if err != nil {
		return 0, err
	}
	exit, err := inside.Shell(ctx, s.engine, c.ID, command, in, out)
	if err != nil {
		return 0, s.reach("open a shell in "+nameOf(c), err)
	}
	return exit, nil
}
