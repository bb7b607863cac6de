package compose

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// takeBack puts every old container back, and adds to the cause what the failed ones said. It also runs when ctx was
// cancelled: what is not proven does not stay. It looks for them anew: a call that was cut off may have succeeded.
func (u *update) takeBack(ctx context.Context, cause error) error {
	const hint = "look with `docker ps -a` where the stack runs; the same command goes on from here"
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), u.timeout()+u.Monitor+2*flow.Grace)
	defer cancel()
	slots, err := u.Stack.slots(end, u.service)
	if err != nil {
		return flow.Hint(errors.Join(cause, fmt.Errorf("and nothing was put back: %w", err)), hint)
	}
	for _, slot := range slots {
		if !slot.interrupted() {
			continue
		}
		if slot.next != nil {
			cause = fmt.Errorf("%w%s", cause, u.story(end, slot.next.ID))
		}
		if err := u.putBack(end, slot); err != nil {
			return flow.Hint(errors.Join(cause, fmt.Errorf("and putting the old %s back failed: %w", slot.name, err)), hint)
		}
		said := "\nthe old image is back on " + slot.name
		if !up(slot.old) {
			said += ", stopped as it was"
		} else if err := u.prove(end, slot.old.ID, slot.old.RestartCount); err != nil {
			said += fmt.Sprintf(", but is not healthy either: %v", err)
		}
		cause = fmt.Errorf("%w%s", cause, said)
	}
	return cause
}

// putBack ends an update by returning to the old container. The next one points to it until the last step: killed
// anywhere, the same again finds both.
func (u *update) putBack(ctx context.Context, slot *slot) error {
	if next := slot.next; next != nil {
		// Ten seconds are enough for one that does not work; its own time may be minutes.
		grace := int(flow.Grace / time.Second)
		if _, err := u.engine.ContainerStop(ctx, next.ID, client.ContainerStopOptions{Timeout: &grace}); err != nil {
			return u.reach("stop the new "+slot.name, err)
		}
		if now := u.inspected(ctx, next.ID); nameOf(now) == slot.name {
			if err := u.rename(ctx, now, slot.name+suffixNext); err != nil {
				return err
			}
		}
	}
	old := u.inspected(ctx, slot.old.ID)
	if nameOf(old) != slot.name {
		if err := u.rename(ctx, old, slot.name); err != nil {
			return err
		}
	}
	if slot.next != nil && slot.next.HostConfig.RestartPolicy.IsAlways() && !old.HostConfig.RestartPolicy.IsAlways() {
		if err := u.restartPolicy(ctx, old.ID, slot.next.HostConfig.RestartPolicy); err != nil {
			return err
		}
	}
	if slot.wasUp() && !up(old) {
		if _, err := u.engine.ContainerStart(ctx, old.ID, client.ContainerStartOptions{}); err != nil {
			return u.reach("start the old "+slot.name, err)
		}
	}
	if slot.next != nil {
		// What only the new image declared as a volume goes with it; the others have a name by now, and stay.
		o := client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}
		if _, err := u.engine.ContainerRemove(ctx, slot.next.ID, o); err != nil && !errdefs.IsNotFound(err) {
			return u.reach("remove the new "+slot.name, err)
		}
	}
	slot.old, slot.next = u.inspected(ctx, slot.old.ID), nil
	return nil
}

// story is what a container that failed said: its healthcheck and the end of its log.
func (u *update) story(ctx context.Context, id string) string {
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	c := u.inspected(ctx, id)
	var b strings.Builder
	if h := c.State.Health; h != nil && len(h.Log) > 0 {
		last := h.Log[len(h.Log)-1]
		fmt.Fprintf(&b, "\n  its healthcheck ended with %d: %s", last.ExitCode, strings.TrimSpace(last.Output))
	}
	var log strings.Builder
	if err := u.log(ctx, c, false, 20, &log, &log); err != nil {
		return b.String()
	}
	for line := range strings.Lines(log.String()) {
		b.WriteString("\n  | " + strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}
