// Command hotfix patches a release that is live: the whole routine, in order, with a confirmation between phases.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"hotfix/internal/flow"
	"hotfix/internal/terminal"
)

// Exit codes, as the README lists them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitStopped     = 3
	exitLocked      = 4
	exitRolledBack  = 5
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: arguments and streams in, exit code out.
func run(args []string, in, out, errs *os.File) int {
	ctx, stop := interruptible(errs)
	defer stop()
	a := &app{in: in, out: out, err: errs, redactor: &terminal.Redactor{}}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err != nil {
		a.explain(err)
	}
	return exitCode(err)
}

// explain says what went wrong and, each on its own line, what to type.
func (a *app) explain(err error) {
	hints := flow.Hints(err)
	if errors.Is(err, context.Canceled) && !errors.Is(err, flow.ErrRolledBack) {
		err = errors.New("interrupted; the same command goes on from here")
	}
	fmt.Fprintln(a.err, "hotfix: "+a.redactor.Text(err.Error()))
	told := map[string]bool{}
	for _, hint := range hints {
		if !told[hint] {
			fmt.Fprintln(a.err, "  hint: "+a.redactor.Text(hint))
		}
		told[hint] = true
	}
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, flow.ErrRolledBack):
		return exitRolledBack
	case errors.Is(err, flow.ErrLocked):
		return exitLocked
	case errors.Is(err, flow.ErrStopped):
		return exitStopped
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.Is(err, flow.ErrUsage), strings.HasPrefix(err.Error(), "unknown command"):
		return exitUsage
	}
	return exitFailed
}

// interruptible returns a context that the first signal ends: what runs is stopped and cleaned up. The second one
// ends the program where it is.
func interruptible(errs *os.File) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		cancel()
		fmt.Fprintln(errs, "\nstopping and cleaning up; once more leaves everything where it is")
		if _, ok := <-signals; ok {
			fmt.Fprintln(errs, "left where it is: a local stack, a half-made container or a swarm's update may remain or go on; the same command finds it, ends it and goes on")
			os.Exit(exitInterrupted)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel()
	}
}
