package dockercloud

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"hotfix/internal/flow"
)

// Exec implements cloud.Stack. The command is sent once: where its end is not proven, it has failed.
func (s *Stack) Exec(ctx context.Context, service string, command []string, w io.Writer) (int, error) {
	c, err := s.running(ctx, service)
	if err != nil {
		return 0, err
	}
	return s.exec(ctx, c, quoted(command), w)
}

// exec runs a shell's line in a container.
func (s *Stack) exec(ctx context.Context, c container, line string, w io.Writer) (int, error) {
	e := newEnding(&unixLines{to: w})
	st, err := s.open(ctx, s.path("container", c.UUID, "exec"), url.Values{"command": {e.command("( " + line + "\n) </dev/null")}})
	if err != nil {
		return 0, err
	}
	defer st.close()
	err = st.read(e.take)
	return e.status(ctx, c, err)
}

// ask is exec for what changes nothing: it may be sent again.
func (s *Stack) ask(ctx context.Context, c container, line string) (out string, exit int, err error) {
	for try := 1; ; try++ {
		var text bytes.Buffer
		exit, err = s.exec(ctx, c, line, &text)
		if err == nil || try == 3 || ctx.Err() != nil || !errors.Is(err, errUnknownEnd) {
			return text.String(), exit, err
		}
		if err := pause(ctx, s.Every); err != nil {
			return "", 0, err
		}
	}
}

// quoted is a command as a shell takes it.
func quoted(command []string) string {
	var words []string
	for _, word := range command {
		words = append(words, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(words, " ")
}

// An ending proves how a command has ended, which the protocol does not tell: the shell around it prints a word that
// nobody could know, and the status. It keeps that from the output.
type ending struct {
	to    io.Writer
	nonce string
	held  []byte // from a separator on, it may become the word
	exit  int
	known bool
}

// separator begins and ends the word; no text has it.
const separator = 0x1e

func newEnding(to io.Writer) *ending {
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce) // never fails
	return &ending{to: to, nonce: hex.EncodeToString(nonce)}
}

// command is what Docker Cloud is asked to run. The script is encoded: it survives any splitting into words, and the
// word in it is not seen in an echo.
func (e *ending) command(script string) string {
	script += fmt.Sprintf("\nprintf '\\036%s:%%s\\036' $?", e.nonce)
	return `sh -c "eval \"$(echo ` + base64.StdEncoding.EncodeToString([]byte(script)) + ` | base64 -d)\""`
}

// take passes output on, but for the word.
func (e *ending) take(f frame) error {
	text := append(e.held, f.Output...)
	e.held = nil
	for {
		begin := bytes.IndexByte(text, separator)
		if begin < 0 {
			_, err := e.to.Write(text)
			return err
		}
		if _, err := e.to.Write(text[:begin]); err != nil {
			return err
		}
		text = text[begin:]
		end := bytes.IndexByte(text[1:], separator) + 1
		switch {
		case end == 0 && len(text) <= len(e.nonce)+8:
			e.held = bytes.Clone(text)
			return nil
		case end > 0 && e.is(string(text[1:end])):
			text = text[end+1:]
		default:
			if _, err := e.to.Write(text[:1]); err != nil {
				return err
			}
			text = text[1:]
		}
	}
}

// is tells whether this is the word, and remembers the status in it.
func (e *ending) is(text string) bool {
	nonce, status, _ := strings.Cut(text, ":")
	exit, err := strconv.Atoi(status)
	if nonce != e.nonce || err != nil {
		return false
	}
	e.exit, e.known = exit, true
	return true
}

// status is how the command ended; err is how the stream did.
func (e *ending) status(ctx context.Context, c container, err error) (int, error) {
	if len(e.held) > 0 {
		_, _ = e.to.Write(e.held)
	}
	switch {
	case e.known:
		return e.exit, nil
	case ctx.Err() != nil:
		return 0, context.Cause(ctx)
	case flow.Hints(err) != nil:
		return 0, fmt.Errorf("run a command in %s: %w", c.Name, err)
	}
	return 0, flow.Hint(errors.Join(fmt.Errorf("run a command in %s: %w", c.Name, errUnknownEnd), err),
		"it may have run, or run still: look into "+c.Name+" before it is run again")
}

// unixLines takes a terminal's line ends back.
type unixLines struct {
	to io.Writer
	cr bool
}

// Write implements io.Writer.
func (u *unixLines) Write(p []byte) (int, error) {
	var out []byte
	for _, b := range p {
		if u.cr && b != '\n' {
			out = append(out, '\r')
		}
		if u.cr = b == '\r'; !u.cr {
			out = append(out, b)
		}
	}
	_, err := u.to.Write(out)
	return len(p), err
}
