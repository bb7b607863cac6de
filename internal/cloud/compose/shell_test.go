package compose_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/moby/term"

	"hotfix/internal/sandbox"
)

// userland runs a service that has a shell.
func (p *project) userland() {
	p.t.Helper()
	made, err := p.engine.ContainerCreate(p.t.Context(), client.ContainerCreateOptions{Name: p.name + "-php-1",
		Config: &container.Config{Image: sandbox.Base(p.t), Cmd: []string{"sleep", "1000"},
			Labels: map[string]string{"com.docker.compose.project": p.name, "com.docker.compose.service": "php"}}})
	p.must(err)
	_, err = p.engine.ContainerStart(p.t.Context(), made.ID, client.ContainerStartOptions{})
	p.must(err)
}

// A screen is the person's side of a terminal.
type screen struct {
	*os.File
	t    *testing.T
	mu   sync.Mutex
	seen bytes.Buffer
}

func (s *screen) read() {
	b := make([]byte, 1024)
	for {
		n, err := s.Read(b)
		s.mu.Lock()
		s.seen.Write(b[:n])
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// waits for text, and forgets all until there.
func (s *screen) waits(text string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		if i := strings.Index(s.seen.String(), text); i >= 0 {
			s.seen.Next(i + len(text))
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
	s.t.Fatalf("no %q on the screen: %q", text, s.seen.String())
}

func (s *screen) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

func (s *screen) types(text string) {
	s.t.Helper()
	if _, err := s.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

func TestShellIsARealTerminal(t *testing.T) {
	p := newProject(t)
	p.userland()
	person, tty, err := pty.Open()
	p.must(err)
	defer person.Close()
	defer tty.Close()
	p.must(pty.Setsize(person, &pty.Winsize{Rows: 33, Cols: 101}))
	before, err := term.SaveState(tty.Fd())
	p.must(err)
	s := &screen{File: person, t: t}
	go s.read()
	type end struct {
		exit int
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		exit, err := p.stack.Shell(t.Context(), "php", nil, tty, tty)
		ended <- end{exit, err}
	}()
	s.waits("# ")
	s.types("until stty size | grep '33 101'; do sleep 0.1; done\n") // engines before API 1.42 are told once the shell is there
	s.waits("33 101'")                                               // the echo of what was typed
	s.waits("33 101")
	s.types("echo tty=$(tty)\n")
	s.waits("tty=/dev/pts/")
	p.must(pty.Setsize(person, &pty.Winsize{Rows: 50, Cols: 132}))
	p.must(syscall.Kill(os.Getpid(), syscall.SIGWINCH)) // the kernel sends it to the terminal's own session only
	s.types("until stty size | grep '50 132'; do sleep 0.1; done\n")
	s.waits("50 132'")
	s.waits("50 132")
	s.types("sh -c 'echo asleep; exec sleep 1000'\n") // who says so has the terminal already: bash alone would outlive a Ctrl-C
	s.waits("asleep\r\n")
	s.types("\x03")
	s.waits("^C")
	s.waits("# ") // a person reads the prompt first; what is typed before it may be thrown away with the interrupt
	s.types("echo $?\n")
	s.waits("130")
	s.waits("# ")
	s.types("exit 5\n")
	select {
	case got := <-ended:
		if got.exit != 5 || got.err != nil {
			t.Errorf("%+v, want exit status 5", got)
		}
	case <-time.After(time.Minute):
		t.Fatalf("the shell does not end; on the screen: %q", s.text())
	}
	after, err := term.SaveState(tty.Fd())
	p.must(err)
	if *before != *after {
		t.Error("the terminal was not restored")
	}
	s.types("for the next question\n") // whoever asks next gets it, all of it
	line := make([]byte, 100)
	n, err := tty.Read(line)
	if string(line[:n]) != "for the next question\n" {
		t.Errorf("the next one reads %q, %v", line[:n], err)
	}
}

func TestShellWithoutATerminal(t *testing.T) {
	p := newProject(t)
	p.userland()
	in, script, err := os.Pipe()
	p.must(err)
	out, err := os.CreateTemp(t.TempDir(), "")
	p.must(err)
	_, err = script.WriteString("test -t 0 || echo no terminal\ncat /etc/debian_version\n")
	p.must(err)
	p.must(script.Close())
	exit, err := p.stack.Shell(t.Context(), "php", []string{"/bin/sh", "-c", "sh; exit 3"}, in, out)
	text, _ := os.ReadFile(out.Name())
	if exit != 3 || err != nil || !strings.HasPrefix(string(text), "no terminal\n12") {
		t.Errorf("exit status %d, %v: %q", exit, err, text)
	}
}

func TestExecAndLogs(t *testing.T) {
	p := newProject(t)
	ref := p.push("live", "1", "")
	p.up("web", 1, ref)
	p.up("web", 2, ref)
	var out bytes.Buffer
	exit, err := p.stack.Exec(t.Context(), "web", []string{"/app", "job", "9", "hello"}, &out)
	if exit != 9 || err != nil || !strings.Contains(out.String(), "hello 1") || !strings.Contains(out.String(), "on stderr") {
		t.Errorf("exit status %d, %v, %q", exit, err, &out)
	}
	for _, follow := range []bool{false, true} {
		ctx := t.Context()
		logs := &listening{}
		if follow { // until both containers have said something
			ctx2, stop := context.WithCancel(ctx)
			ctx = ctx2
			logs.for_, logs.heard = p.name+"-web-2 | serving", stop
		}
		err := p.stack.Logs(ctx, "web", follow, 10, logs)
		if (err != nil) != follow || !strings.Contains(logs.String(), p.name+"-web-2 | serving 1") {
			t.Errorf("follow %v: %v, %q", follow, err, logs)
		}
	}
	for i, c := range p.all() {
		_, err := p.engine.ContainerStop(t.Context(), c.ID, client.ContainerStopOptions{})
		p.must(err)
		_, err = p.stack.Exec(t.Context(), "web", []string{"/app", "check"}, &out)
		if (err != nil) != (i == 1) {
			t.Errorf("with %d stopped: %v", i+1, err)
		}
	}
	if s := p.service("web"); !s.Completed || s.Running != 0 {
		t.Errorf("%+v", s)
	}
}
