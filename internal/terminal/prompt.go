package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"charm.land/huh/v2"
	"github.com/charmbracelet/x/term"

	"hotfix/internal/flow"
)

// NewPrompter returns what asks the person at the terminal: huh, or plain lines where huh must not be used (a
// dumb terminal, one without a size). It returns nil where there is nobody to ask.
func NewPrompter(in, out *os.File) flow.Prompter {
	if !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) {
		return nil
	}
	width, height, err := term.GetSize(out.Fd())
	if err != nil || width < 40 || height < 10 || os.Getenv("TERM") == "dumb" || os.Getenv("TERM") == "" {
		return newLines(in, out)
	}
	return menu{in, out}
}

// menu asks with huh, one field a form.
type menu struct{ in, out *os.File }

// Choose implements flow.Prompter.
func (m menu) Choose(ctx context.Context, q flow.Question) (string, error) {
	for _, line := range q.Lines {
		fmt.Fprintln(m.out, "  "+line)
	}
	answer, answered := q.Default, false
	field := huh.NewSelect[string]().Title(q.Title).Options(huh.NewOptions(q.Choices...)...).Value(&answer).
		Validate(func(string) error { answered = true; return nil })
	return m.ask(ctx, field, &answer, &answered)
}

// Type implements flow.Prompter.
func (m menu) Type(ctx context.Context, title string) (string, error) {
	answer, answered := "", false
	field := huh.NewInput().Title(title).Value(&answer).Validate(func(string) error { answered = true; return nil })
	return m.ask(ctx, field, &answer, &answered)
}

// lent is the terminal's input for as long as one form is asked. The form's reader may outlive it: it is woken by
// the next key, and would take that from whoever asks next, a shell for one.
type lent struct {
	*os.File
	over atomic.Bool
}

// Read implements io.Reader.
func (l *lent) Read(p []byte) (int, error) {
	if l.over.Load() {
		return 0, io.EOF
	}
	return l.File.Read(p)
}

// ask runs one field. On SIGTERM and on end of input huh returns no error and the default value: only a field
// that was submitted has been validated, and only then is there an answer.
func (m menu) ask(ctx context.Context, field huh.Field, answer *string, answered *bool) (string, error) {
	*answered = false
	in := &lent{File: m.in}
	defer in.over.Store(true)
	err := huh.NewForm(huh.NewGroup(field)).WithInput(in).WithOutput(m.out).WithShowHelp(false).RunWithContext(ctx)
	switch {
	case errors.Is(err, huh.ErrUserAborted), ctx.Err() != nil:
		return "", context.Canceled
	case err != nil:
		return "", fmt.Errorf("asking: %w", err)
	case !*answered:
		return "", errors.New("the terminal was closed before there was an answer")
	}
	return *answer, nil
}

var _ flow.Prompter = menu{}
