package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"

	"hotfix/internal/sandbox"
)

// TestMain puts the program itself on the PATH of every test, as `hotfix`.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hotfix": main})
}

// result is what a run of the program left.
type result struct {
	out, errs string
	code      int
	took      time.Duration
}

func (r result) String() string { return r.errs + r.out }

// program is hotfix in the developer's clone of a world.
func program(ctx context.Context, w *sandbox.World, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "hotfix", args...)
	cmd.Dir, cmd.Env = w.Clone, append(os.Environ(), w.Env()...)
	return cmd
}

// hotfix runs the program to its end, with nobody at the terminal.
func hotfix(t *testing.T, w *sandbox.World, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := program(t.Context(), w, args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	start := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{out.String(), errs.String(), cmd.ProcessState.ExitCode(), time.Since(start)}
}

// must runs the program and wants this exit code.
func must(t *testing.T, w *sandbox.World, code int, args ...string) result {
	t.Helper()
	r := hotfix(t, w, args...)
	if r.code != code {
		t.Fatalf("hotfix %s: exit %d, want %d\n%s", strings.Join(args, " "), r.code, code, r)
	}
	return r
}

// screen is the program on a real terminal of 120×40.
type screen struct {
	t    *testing.T
	cmd  *exec.Cmd
	tty  *os.File
	seen bytes.Buffer
	from int // where the next expect looks
	in   chan []byte
}

func onTerminal(t *testing.T, w *sandbox.World, args ...string) *screen {
	t.Helper()
	cmd := program(context.Background(), w, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "NO_COLOR=1")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 120})
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{t: t, cmd: cmd, tty: tty, in: make(chan []byte, 64)}
	go func() {
		defer close(s.in)
		for {
			chunk := make([]byte, 4096)
			n, err := tty.Read(chunk)
			if n > 0 {
				s.in <- chunk[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = tty.Close() })
	return s
}

// expect waits until the terminal shows the text, after what was expected before.
func (s *screen) expect(text string) {
	s.t.Helper()
	deadline := time.After(6 * time.Minute) // as long as a whole deploy takes on a slow machine
	for {
		if i := strings.Index(s.seen.String()[s.from:], text); i >= 0 {
			s.from += i + len(text)
			return
		}
		select {
		case chunk, ok := <-s.in:
			if !ok {
				s.t.Fatalf("the program ended before it showed %q:\n%s", text, s.seen.String())
			}
			s.seen.Write(chunk)
		case <-deadline:
			s.t.Fatalf("%q was not shown:\n%s", text, s.seen.String())
		}
	}
}

// press types keys.
func (s *screen) press(keys string) { _, _ = s.tty.WriteString(keys) }

// drain takes what the terminal shows until it shows nothing more for a moment.
func (s *screen) drain() {
	for {
		select {
		case chunk, ok := <-s.in:
			if !ok {
				return
			}
			s.seen.Write(chunk)
		case <-time.After(300 * time.Millisecond):
			return
		}
	}
}

// end waits for the program and returns its exit code.
func (s *screen) end() int {
	s.t.Helper()
	for chunk := range s.in {
		s.seen.Write(chunk)
	}
	_ = s.cmd.Wait()
	return s.cmd.ProcessState.ExitCode()
}

// patch commits a change of the product and pushes it.
func patch(t *testing.T, w *sandbox.World, message string, files map[string]string) (sha string) {
	t.Helper()
	sha, err := w.Patch(t.Context(), message, files)
	if err != nil {
		t.Fatal(err)
	}
	return sha
}

func read(t *testing.T, w *sandbox.World, file string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.Clone, file))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
