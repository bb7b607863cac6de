package terminal

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"hotfix/internal/flow"
)

const sentinel = "s3ntinel/+&=pass word"

type collect struct{ events []flow.Event }

func (c *collect) Event(e flow.Event) { c.events = append(c.events, e) }

func TestNoFormOfASecretIsShown(t *testing.T) {
	r := &Redactor{}
	r.Hide(sentinel, "line one of a key\nline two of a key")
	for _, text := range []string{
		sentinel, url.QueryEscape(sentinel), base64.StdEncoding.EncodeToString([]byte(sentinel)),
		base64.StdEncoding.EncodeToString([]byte("u:" + sentinel)), base64.URLEncoding.EncodeToString([]byte("me:" + sentinel + "!")),
		"line two of a key",
	} {
		got := r.Text("before " + text + " after")
		if !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") || strings.Contains(got, sentinel) || !strings.Contains(got, mask) {
			t.Errorf("%q became %q", text, got)
		}
		if len(got) > len("before  after")+len(mask)+8 { // what it shares with its neighbours
			t.Errorf("%q is half shown: %q", text, got)
		}
	}
}

func TestWhatIsInPlainSightIsNoSecret(t *testing.T) {
	r := &Redactor{}
	r.Public("production")
	r.Hide("production", "true", "abc")
	if got := r.Text("production is true, abc"); got != "production is true, abc" {
		t.Errorf("got %q", got)
	}
}

// Whatever the chunks are, the output is the same and never holds the secret.
func TestOutputIsRedactedAcrossChunks(t *testing.T) {
	text := "a " + sentinel + " b s3ntinel c " + sentinel
	for size := 1; size <= len(text); size++ {
		r, seen := &Redactor{}, &collect{}
		r.Hide(sentinel)
		l := r.Listener(seen)
		for i := 0; i < len(text); i += size {
			l.Event(flow.Event{Kind: flow.EventOutput, What: text[i:min(i+size, len(text))]})
		}
		l.Event(flow.Event{Kind: flow.EventDone})
		var all strings.Builder
		for _, e := range seen.events {
			all.WriteString(e.What)
		}
		if want := "a " + mask + " b s3ntinel c " + mask; all.String() != want {
			t.Fatalf("in chunks of %d: %q", size, all.String())
		}
	}
}

type memory struct{ entries []flow.Entry }

func (m *memory) Append(_ context.Context, e ...flow.Entry) error {
	m.entries = append(m.entries, e...)
	return nil
}
func (m *memory) Entries(context.Context) ([]flow.Entry, error) { return m.entries, nil }

func TestTheLogKeepsNoSecret(t *testing.T) {
	r, m := &Redactor{}, &memory{}
	r.Hide(sentinel)
	_ = r.Log(m).Append(t.Context(), flow.Entry{What: sentinel, Error: sentinel, Facts: map[string]string{"a": sentinel}})
	e := m.entries[0]
	if e.What != mask || e.Error != mask || e.Facts["a"] != mask {
		t.Errorf("got %+v", e)
	}
}

// terminalOf starts a prompter on a terminal of this size and returns its other end.
func terminalOf(t *testing.T, columns, rows uint16) (flow.Prompter, *os.File) {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	if err := pty.Setsize(ours, &pty.Winsize{Cols: columns, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	return NewPrompter(theirs, theirs), ours
}

// typeAfter types once the terminal shows the text.
func typeAfter(t *testing.T, screen *os.File, text, keys string) {
	t.Helper()
	go func() {
		var seen bytes.Buffer
		chunk := make([]byte, 4096)
		for typed := false; ; {
			n, err := screen.Read(chunk)
			seen.Write(chunk[:n])
			if !typed && strings.Contains(seen.String(), text) {
				typed = true
				_, _ = screen.WriteString(keys)
			}
			if err != nil {
				return
			}
		}
	}()
}

var question = flow.Question{Title: "push?", Choices: []string{"Run", "Details", "Stop"}, Default: "Stop"}

func TestMenus(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	for _, test := range []struct {
		name          string
		columns, rows uint16
		after, keys   string
		want          string
		err           error
	}{
		{"enter takes the default", 80, 24, "Stop", "\r", "Stop", nil},
		{"up", 80, 24, "Stop", "\x1b[A\x1b[A\r", "Run", nil},
		{"ctrl-c", 80, 24, "Stop", "\x03", "", context.Canceled},
		{"a terminal without a size asks in lines", 0, 0, "Enter for Stop", "1\n", "Run", nil},
		{"by name", 20, 5, "Enter for Stop", "nonsense\ndetails\n", "Details", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, screen := terminalOf(t, test.columns, test.rows)
			typeAfter(t, screen, test.after, test.keys)
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			got, err := p.Choose(ctx, question)
			if got != test.want || !errors.Is(err, test.err) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

// huh answers with the default when it gets SIGTERM: that is no answer.
func TestASignalIsNoAnswer(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	p, screen := terminalOf(t, 80, 24)
	go func() {
		var seen bytes.Buffer
		chunk := make([]byte, 4096)
		for !strings.Contains(seen.String(), "Stop") {
			n, err := screen.Read(chunk)
			if err != nil {
				return
			}
			seen.Write(chunk[:n])
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
		for {
			if _, err := screen.Read(chunk); err != nil {
				return
			}
		}
	}()
	q := question
	q.Default = "Run"
	if got, err := p.Choose(t.Context(), q); err == nil {
		t.Errorf("SIGTERM was taken for %q", got)
	}
}

func TestEndOfInputIsNoAnswer(t *testing.T) {
	l := newLines(strings.NewReader(""), &bytes.Buffer{})
	if got, err := l.Choose(t.Context(), question); err == nil {
		t.Errorf("got %q", got)
	}
	read, _, _ := os.Pipe()
	if NewPrompter(read, os.Stderr) != nil {
		t.Error("a pipe has nobody to ask")
	}
}

func TestTheScreenWithoutATerminalIsPlain(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	s := NewScreen(file)
	for _, e := range []flow.Event{
		{Kind: flow.EventRun, What: "deploy 16.03.1b"},
		{Kind: flow.EventPlan, Phase: "verify", What: "no `verify` in hotfix.yml"},
		{Kind: flow.EventPlan, Phase: "push", Plan: []string{"push a"}},
		{Kind: flow.EventAction, What: "push a"},
		{Kind: flow.EventProgress, What: "push", Done: 5e6, Total: 5e6}, // too soon to be worth a line
		{Kind: flow.EventOutput, What: "half "},
		{Kind: flow.EventOutput, What: "line"},
		{Kind: flow.EventDone, What: "push a", Seconds: 1.25},
	} {
		s.Event(e)
	}
	got, _ := os.ReadFile(file.Name())
	want := "hotfix deploy 16.03.1b\n✓ verify: nothing to do: no `verify` in hotfix.yml\npush will:\n  - push a\n" +
		"  │ half line\n✓ push a (1.2 s)\n"
	if string(got) != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// A form's reader may outlive it, asleep. Woken by the next key it must not take it: a shell lost what was typed
// first.
func TestAnAnsweredMenuTakesNoFurtherKey(t *testing.T) {
	keys, keyboard, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	form := &lent{File: keys}
	form.over.Store(true)
	if _, err := keyboard.WriteString("ls\n"); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 8)
	if n, err := form.Read(buffer); n > 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the menu that was over took %q (%v)", buffer[:n], err)
	}
	if n, _ := keys.Read(buffer); string(buffer[:n]) != "ls\n" {
		t.Errorf("the next reader got %q", buffer[:n])
	}
}
