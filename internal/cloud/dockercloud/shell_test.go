package dockercloud_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/term"
)

func TestShellWithAPersonAtIt(t *testing.T) {
	h := newHere(t, 1)
	person, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 17, Cols: 93}); err != nil {
		t.Fatal(err)
	}
	before, err := term.SaveState(tty.Fd())
	if err != nil {
		t.Fatal(err)
	}
	shown := make(chan string, 1)
	go func() {
		var all bytes.Buffer
		_, _ = io.Copy(&all, person)
		shown <- all.String()
	}()
	if _, err := person.WriteString("stty size; printf 'ab\\003c'; exit 5\n"); err != nil {
		t.Fatal(err)
	}
	exit, err := h.stack.Shell(t.Context(), "phpfiles", []string{"sh"}, tty, tty)
	if err != nil || exit != 5 {
		t.Errorf("exit %d (%v)", exit, err)
	}
	if after, err := term.SaveState(tty.Fd()); err != nil || *after != *before {
		t.Errorf("the terminal is not as it was (%v)", err)
	}
	tty.Close()
	select {
	case text := <-shown:
		if !strings.Contains(text, "17 93\r\n") || strings.Contains(text, "\x1e") {
			t.Errorf("shown: %q", text)
		}
	case <-time.After(5 * time.Second):
		t.Error("the terminal is held open")
	}
}

func TestShellWithAScript(t *testing.T) {
	h := newHere(t, 1)
	script, out := filepath.Join(h.dir, "script"), filepath.Join(h.dir, "out")
	if err := os.WriteFile(script, []byte("echo one\necho two >&2\nexit 4"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(script)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	to, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	exit, err := h.stack.Shell(t.Context(), "phpfiles", []string{"sh"}, in, to)
	text, _ := os.ReadFile(out)
	if err != nil || exit != 4 || !strings.Contains(string(text), "one\n") || !strings.Contains(string(text), "two\n") {
		t.Errorf("exit %d, %q (%v)", exit, text, err)
	}
}
