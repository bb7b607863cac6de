package compose

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
)

// Logs implements cloud.Stack. Where there are several containers, each line begins with its container's name.
func (s *Stack) Logs(ctx context.Context, service string, follow bool, tail int, w io.Writer) error {
	slots, err := s.slots(ctx, service)
	if err != nil {
		return err
	}
	if len(slots) == 1 {
		return s.log(ctx, slots[0].serving(), follow, tail, w, w)
	}
	var lock sync.Mutex
	var all sync.WaitGroup
	failures := make([]error, len(slots))
	for i, slot := range slots {
		one := func() {
			lines := &prefixed{to: w, lock: &lock, prefix: slot.name + " | "}
			failures[i] = s.log(ctx, slot.serving(), follow, tail, lines, lines)
			lines.end()
		}
		if !follow {
			one() // one after the other reads better
			continue
		}
		all.Go(one)
	}
	all.Wait()
	return errors.Join(failures...)
}

// log writes one container's log.
func (s *Stack) log(ctx context.Context, c *container.InspectResponse, follow bool, tail int, stdout, stderr io.Writer) error {
	o := client.ContainerLogsOptions{ShowStdout: stdout != nil, ShowStderr: stderr != nil, Follow: follow, Tail: "all"}
	if tail > 0 {
		o.Tail = strconv.Itoa(tail)
	}
	stream, err := s.engine.ContainerLogs(ctx, c.ID, o)
	if err != nil {
		return s.reach("read the log of "+nameOf(c), err)
	}
	defer stream.Close()
	if err := demux(stream, c.Config.Tty, stdout, stderr); err != nil {
		return s.reach("read the log of "+nameOf(c), causeOr(ctx, err))
	}
	return nil
}

// demux separates the two streams; with a terminal there is only one.
func demux(stream io.Reader, tty bool, stdout, stderr io.Writer) error {
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

// prefixed begins every line with a name, and never mixes two lines.
type prefixed struct {
	to     io.Writer
	lock   *sync.Mutex
	prefix string
	rest   []byte
}

// Write implements io.Writer.
func (p *prefixed) Write(text []byte) (int, error) {
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

func (p *prefixed) line(line []byte) error {
	p.lock.Lock()
	defer p.lock.Unlock()
	_, err := p.to.Write(append([]byte(p.prefix), line...))
	return err
}

// end writes what has no newline yet.
func (p *prefixed) end() {
	if len(p.rest) > 0 {
		_ = p.line(append(p.rest, '\n'))
	}
}
