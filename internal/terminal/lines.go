package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"hotfix/internal/flow"
)

// lines asks in plain lines: a numbered list, an answer by number or name.
type lines struct {
	out  io.Writer
	read chan string // one line an answer; closed at the end of input
}

func newLines(in io.Reader, out io.Writer) *lines {
	l := &lines{out: out, read: make(chan string)}
	go func() {
		defer close(l.read)
		for s := bufio.NewScanner(in); s.Scan(); {
			l.read <- s.Text()
		}
	}()
	return l
}

// Choose implements flow.Prompter.
func (l *lines) Choose(ctx context.Context, q flow.Question) (string, error) {
	for _, line := range q.Lines {
		fmt.Fprintln(l.out, "  "+line)
	}
	fmt.Fprintln(l.out, q.Title)
	for i, choice := range q.Choices {
		fmt.Fprintf(l.out, "  %d) %s\n", i+1, choice)
	}
	for {
		answer, err := l.Type(ctx, fmt.Sprintf("1-%d, Enter for %s", len(q.Choices), q.Default))
		if err != nil {
			return "", err
		}
		if choice, ok := pick(q, answer); ok {
			return choice, nil
		}
	}
}

// Type implements flow.Prompter.
func (l *lines) Type(ctx context.Context, title string) (string, error) {
	fmt.Fprint(l.out, title+": ")
	select {
	case answer, ok := <-l.read:
		if !ok {
			return "", errors.New("the input ended before there was an answer")
		}
		return strings.TrimSpace(answer), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func pick(q flow.Question, answer string) (string, bool) {
	if answer == "" {
		return q.Default, true
	}
	if n, err := strconv.Atoi(answer); err == nil && n >= 1 && n <= len(q.Choices) {
		return q.Choices[n-1], true
	}
	i := slices.IndexFunc(q.Choices, func(c string) bool { return strings.EqualFold(c, answer) })
	if i < 0 {
		return "", false
	}
	return q.Choices[i], true
}

var _ flow.Prompter = (*lines)(nil)
