package inside

import (
	"bytes"
	"io"
	"slices"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
)

// Demux separates the two streams; with a terminal there is only one.
func Demux(stream io.Reader, tty bool, stdout, stderr io.Writer) error {
	if stdout == nil {
		stdout = io.Discard
	}
	if stderr == nil {
		stderr = io.Discard
	}
	var err error
	if tty {
		_, err = io.Copy(stdout, stream)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, stream)
	}
	return err
}

// Prefixed begins every line with a name, and never mixes two lines: those who write to one place share a lock.
type Prefixed struct {
	To     io.Writer
	Lock   *sync.Mutex
	Prefix string

	rest []byte
}

// Write implements io.Writer.
func (p *Prefixed) Write(text []byte) (int, error) {
	p.rest = append(p.rest, text...)
	for {
		i := bytes.IndexByte(p.rest, '\n')
		if i < 0 {
			return len(text), nil
		}
		if err := p.line(p.rest[:i+1]); err != nil {
			return 0, err
		}
		p.rest = p.rest[i+1:]
	}
}

func (p *Prefixed) line(line []byte) error {
	p.Lock.Lock()
	defer p.Lock.Unlock()
	_, err := p.To.Write(append([]byte(p.Prefix), line...))
	return err
}

// End writes what has no newline yet.
func (p *Prefixed) End() {
	if len(p.rest) > 0 {
		_ = p.line(append(p.rest, '\n'))
	}
}

// Last keeps the end of what is written to it.
type Last struct {
	Max  int
	text []byte
}

// String is what it has kept.
func (l *Last) String() string { return string(l.text) }

// Write implements io.Writer.
func (l *Last) Write(p []byte) (int, error) {
	l.text = append(l.text, p...)
	if over := len(l.text) - l.Max; over > 0 {
		l.text = slices.Delete(l.text, 0, over)
	}
	return len(p), nil
}
