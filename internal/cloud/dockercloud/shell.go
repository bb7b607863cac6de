package dockercloud

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/gorilla/websocket"
	"github.com/moby/term"

	"hotfix/internal/cloud/inside"
)

// bestShell is bash where there is one.
const bestShell = "command -v bash >/dev/null 2>&1 && exec bash; exec sh"

// endOfInput is what a terminal takes for it: once more than where a line has ended.
const endOfInput = "\x04\x04"

// Shell implements cloud.Stack. There is always a terminal on the other side; its size is told once, when it opens.
func (s *Stack) Shell(ctx context.Context, service string, command []string, in, out *os.File) (int, error) {
	c, err := s.running(ctx, service)
	if err != nil {
		return 0, err
	}
	line := bestShell
	if len(command) > 0 {
		line = quoted(command)
	}
	tty := term.IsTerminal(in.Fd()) && term.IsTerminal(out.Fd())
	var to io.Writer = out
	setup := "stty -echo 2>/dev/null\n"
	if !tty {
		to = &unixLines{to: out}
	} else if size, err := term.GetWinsize(out.Fd()); err == nil {
		setup = fmt.Sprintf("stty rows %d cols %d 2>/dev/null\nexport TERM=%s\n", size.Height, size.Width, quoted([]string{os.Getenv("TERM")}))
	}
	e := newEnding(to)
	st, err := s.open(ctx, s.path("container", c.UUID, "exec"), url.Values{"command": {e.command(setup + "( " + line + "\n)")}})
	if err != nil {
		return 0, err
	}
	defer st.close()
	if tty {
		before, err := term.SetRawTerminal(in.Fd())
		if err != nil {
			return 0, err
		}
		defer func() { _ = term.RestoreTerminal(in.Fd(), before) }()
	}
	return e.status(ctx, c, st.talk(e, tty, in))
}

// talk passes on what is typed until the other side ends.
func (s *stream) talk(e *ending, tty bool, in *os.File) error {
	to := keys{s.ws}
	ended := func() {
		if !tty {
			_, _ = to.Write([]byte(endOfInput))
		}
	}
	return inside.Typing(in, to, ended, func() error { return s.read(e.take) })
}

// keys sends what is typed as it is.
type keys struct{ ws *websocket.Conn }

// Write implements io.Writer.
func (k keys) Write(p []byte) (int, error) {
	return len(p), k.ws.WriteMessage(websocket.TextMessage, p)
}
