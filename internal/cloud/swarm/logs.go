package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud/inside"
	"hotfix/internal/flow"
)

// story is the end of what the last task that has failed wrote, and its place.
func (u *update) story(ctx context.Context) string {
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	tasks, err := u.tasks(ctx, swarm.Service{ID: u.id})
	if err != nil {
		return ""
	}
	own := slices.DeleteFunc(tasks, func(t swarm.Task) bool {
		return !u.own(t) || t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == ""
	})
	if len(own) == 0 {
		return ""
	}
	last := slices.MaxFunc(own, func(a, b swarm.Task) int { return a.CreatedAt.Compare(b.CreatedAt) })
	var text bytes.Buffer
	if err := u.taskLog(ctx, last, false, 10, &text, &text); err != nil || text.Len() == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nits log on %s ended:", u.nodeName(ctx, last.NodeID))
	for line := range strings.Lines(text.String()) {
		b.WriteString("\n  | " + strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}

// nodeName is what people call a node.
func (s *Stack) nodeName(ctx context.Context, id string) string {
	node, err := s.engine.NodeInspect(ctx, id, client.NodeInspectOptions{})
	if err != nil || node.Node.Description.Hostname == "" {
		return id
	}
	return node.Node.Description.Hostname
}

// taskLog writes the end of one task's log, from whatever node it runs on. Followed, it never ends by itself.
func (s *Stack) taskLog(ctx context.Context, t swarm.Task, follow bool, tail int, stdout, stderr io.Writer) error {
	o := client.TaskLogsOptions{ShowStdout: true, ShowStderr: true, Follow: follow, Tail: "all"}
	if tail > 0 {
		o.Tail = strconv.Itoa(tail)
	}
	stream, err := s.engine.TaskLogs(ctx, t.ID, o)
	if err != nil {
		return s.reach("read a log", err)
	}
	defer stream.Close()
	if err := inside.Demux(stream, t.Spec.ContainerSpec.TTY, stdout, stderr); err != nil {
		return s.reach("read a log", causeOr(ctx, err))
	}
	return nil
}

// Logs implements cloud.Stack. Where there are several tasks, each line begins with its task's name.
func (s *Stack) Logs(ctx context.Context, service string, follow bool, tail int, w io.Writer) error {
	one, err := s.service(ctx, service)
	if err != nil {
		return err
	}
	tasks, err := s.tasks(ctx, one)
	if err != nil {
		return err
	}
	tasks = slices.DeleteFunc(tasks, func(t swarm.Task) bool {
		return !wanted(t) || t.Status.ContainerStatus == nil || t.Status.ContainerStatus.ContainerID == ""
	})
	slices.SortFunc(tasks, func(a, b swarm.Task) int { return a.Slot - b.Slot })
	var lock sync.Mutex
	var all sync.WaitGroup
	failures := make([]error, len(tasks))
	for i, t := range tasks {
		read := func() {
			lines := &inside.Prefixed{To: w, Lock: &lock}
			if len(tasks) > 1 {
				lines.Prefix = s.taskName(ctx, service, t) + " | "
			}
			failures[i] = s.taskLog(ctx, t, follow, tail, lines, lines)
			lines.End()
		}
		if !follow {
			read() // one after the other reads better
			continue
		}
		all.Go(read)
	}
	all.Wait()
	return errors.Join(failures...)
}

func (s *Stack) taskName(ctx context.Context, service string, t swarm.Task) string {
	if t.Slot == 0 {
		return service + "." + s.nodeName(ctx, t.NodeID)
	}
	return fmt.Sprintf("%s.%d", service, t.Slot)
}
