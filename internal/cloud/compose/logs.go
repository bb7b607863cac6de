package compose

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud/inside"
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
			lines := &inside.Prefixed{To: w, Lock: &lock, Prefix: slot.name + " | "}
			failures[i] = s.log(ctx, slot.serving(), follow, tail, lines, lines)
			lines.End()
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
	if err := inside.Demux(stream, c.Config.Tty, stdout, stderr); err != nil {
		return s.reach("read the log of "+nameOf(c), causeOr(ctx, err))
	}
	return nil
}
