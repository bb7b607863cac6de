package inside

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/moby/moby/client"
	"github.com/moby/term"
	"github.com/muesli/cancelreader"
)

// bestShell is bash where there is one.
var bestShell = []string{"/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh"}

// Shell runs a command, or the best shell that there is, with a person at it: where in is a terminal, with a terminal
// inside of the same size.
func Shell(ctx context.Context, engine client.APIClient, container string, command []string, in, out *os.File) (int, error) {
	if len(command) == 0 {
		command = bestShell
	}
	tty := term.IsTerminal(in.Fd()) && term.IsTerminal(out.Fd())
	o := client.ExecCreateOptions{Cmd: command, AttachStdin: true, AttachStdout: true, AttachStderr: true, TTY: tty}
	if tty {
		o.ConsoleSize, o.Env = size(out), []string{"TERM=" + os.Getenv("TERM")}
	}
	made, err := engine.ExecCreate(ctx, container, o)
	if err != nil {
		return 0, err
	}
	attached, err := engine.ExecAttach(ctx, made.ID, client.ExecAttachOptions{TTY: tty, ConsoleSize: o.ConsoleSize})
	if err != nil {
		return 0, err
	}
	defer attached.Close()
	stop := context.AfterFunc(ctx, attached.Close)
	defer stop()
	if tty {
		restore, err := rawTerminal(ctx, engine, made.ID, in, out)
		if err != nil {
			return 0, err
		}
		defer restore()
	}
	if err := talk(attached.HijackedResponse, tty, in, out); err != nil {
		return 0, causeOr(ctx, err)
	}
	return exit(ctx, engine, made.ID)
}

// talk passes on what is typed until the other side ends.
func talk(attached client.HijackedResponse, tty bool, in, out *os.File) error {
	ended := func() { _ = attached.CloseWrite() }
	return Typing(in, attached.Conn, ended, func() error { return Demux(attached.Reader, tty, out, out) })
}

// Typing passes on what is typed while read reads what the other side says; ended is told when the input has ended.
// Then it takes its hands off the input: the next key is for whoever asks next.
func Typing(in *os.File, to io.Writer, ended func(), read func() error) error {
	input, err := cancelreader.NewReader(in)
	if err != nil { // a file or /dev/null: nobody types there, and no epoll can wait for it
		input, err = cancelreader.NewReader(struct{ io.Reader }{in})
	}
	if err != nil {
		return err
	}
	typed := make(chan struct{})
	go func() {
		defer close(typed)
		if _, err := io.Copy(to, input); !errors.Is(err, cancelreader.ErrCanceled) {
			ended()
		}
	}()
	err = read()
	if input.Cancel() {
		<-typed
	}
	return errors.Join(err, input.Close())
}

// rawTerminal hands every key, Ctrl-C too, to the other side, and tells it when the window's size changes, until it
// is restored.
func rawTerminal(ctx context.Context, engine client.APIClient, exec string, in, out *os.File) (restore func(), err error) {
	before, err := term.SetRawTerminal(in.Fd())
	if err != nil {
		return nil, err
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	done := make(chan struct{})
	// Engines before API 1.42 ignore the size in the request: say it once the shell is there.
	resized <- syscall.SIGWINCH
	go func() {
		for {
			select {
			case <-resized:
				resize(ctx, engine, exec, out, done)
			case <-done:
				return
			}
		}
	}()
	return func() {
		signal.Stop(resized)
		close(done)
		_ = term.RestoreTerminal(in.Fd(), before)
	}, nil
}

// resize tells the terminal inside how large ours is. Just after the start the process may not be there yet.
func resize(ctx context.Context, engine client.APIClient, exec string, out *os.File, done <-chan struct{}) {
	for range 40 {
		if _, err := engine.ExecResize(ctx, exec, client.ExecResizeOptions(size(out))); err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-done:
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func size(out *os.File) client.ConsoleSize {
	now, err := term.GetWinsize(out.Fd())
	if err != nil {
		return client.ConsoleSize{}
	}
	return client.ConsoleSize{Height: uint(now.Height), Width: uint(now.Width)}
}
