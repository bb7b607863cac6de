package flow

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Grace is how long a child has after TERM before it is killed, and how long clean-up may take.
const Grace = 10 * time.Second

// Command is exec.CommandContext for a child that asks nothing: it runs in a process group of its own, so that
// Ctrl-C reaches hotfix first, and when ctx ends the whole group gets TERM, ten seconds, then KILL.
func Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		time.AfterFunc(Grace, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGTERM)
	}
	cmd.WaitDelay = Grace + time.Second
	return cmd
}

// Cleanup returns a context for undoing things: it survives the cancellation of ctx and has a deadline of its
// own.
func Cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 6*Grace)
}

// ChildError says which child failed and with which of its words.
func ChildError(cmd *exec.Cmd, err error, stderr string) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, exec.ErrNotFound) {
		return Hint(fmt.Errorf("%s is not installed", cmd.Args[0]), "install "+cmd.Args[0])
	}
	if words := strings.TrimSpace(stderr); words != "" {
		return fmt.Errorf("%s: %w: %s", cmd.Args[0], err, words)
	}
	return fmt.Errorf("%s: %w", cmd.Args[0], err)
}
