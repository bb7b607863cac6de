package compose

import (
	"context"
	"fmt"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// An update brings every container of one service to one digest, and keeps the old ones, stopped, until all new
// ones are proven.
type update struct {
	*Stack
	cloud.Options
	service string
	report  flow.Report
	image   *image
	images  images
	slots   []*slot
}

// Update implements cloud.Stack.
func (s *Stack) Update(ctx context.Context, service, ref string, o cloud.Options, report flow.Report) error {
	slots, err := s.slots(ctx, service)
	if err != nil {
		return err
	}
	if err := s.movable(ctx, slots); err != nil {
		return err
	}
	image, err := s.image(ctx, ref, report)
	if err != nil {
		return fmt.Errorf("nothing was touched: %w", err)
	}
	u := &update{Stack: s, Options: o, service: service, report: report, image: image, slots: slots,
		images: images{stack: s, known: map[string]client.ImageInspectResult{}}}
	if err := u.replace(ctx); err != nil {
		return u.takeBack(ctx, err)
	}
	return u.settle(ctx)
}

// replace brings the slots to the digest, one after the other, and checks the service as a whole.
func (u *update) replace(ctx context.Context) error {
	for _, slot := range u.slots {
		if err := u.bring(ctx, slot); err != nil {
			return fmt.Errorf("%s at %s: %w", slot.name, cloud.Short(u.image.digest), err)
		}
	}
	if u.Check == nil {
		return nil
	}
	return u.Check(ctx, u.report)
}

// bring has one slot run the digest. What an interrupted update left there is either watched on, because it serves
// and is what is wanted, or cleared first.
func (u *update) bring(ctx context.Context, slot *slot) error {
	if slot.interrupted() {
		here, err := u.runs(ctx, slot.next)
		if err != nil {
			return err
		}
		if here && up(slot.next) {
			return u.prove(ctx, slot.next.ID, 0)
		}
		if err := u.putBack(ctx, slot); err != nil {
			return err
		}
	}
	here, err := u.runs(ctx, slot.old)
	if err != nil {
		return err
	}
	if here && up(slot.old) {
		if err := u.prove(ctx, slot.old.ID, slot.old.RestartCount); err != nil {
			return fmt.Errorf("%w%s", err, u.story(ctx, slot.old.ID))
		}
		return nil
	}
	if err := u.prepare(ctx, slot); err != nil {
		return err
	}
	down := time.Now()
	if err := u.swap(ctx, slot); err != nil {
		return err
	}
	if err := u.prove(ctx, slot.next.ID, 0); err != nil {
		return err
	}
	fmt.Fprintf(u.report, "%s: proven %.1f s after the old one was stopped\n", slot.name, time.Since(down).Seconds())
	return nil
}

// runs tells whether a container runs exactly the digest.
func (u *update) runs(ctx context.Context, c *container.InspectResponse) (bool, error) {
	if c == nil {
		return false, nil
	}
	image, err := u.images.of(ctx, c)
	return err == nil && c.Image == u.image.ID && digestOf(c, image) == u.image.digest, err
}

// prepare makes the next container beside the old one.
func (u *update) prepare(ctx context.Context, slot *slot) error {
	b, err := u.blueprint(ctx, slot.old, u.image)
	if err != nil {
		return err
	}
	b.name = slot.name + suffixNext
	b.config.Labels[labelReplaces] = slot.old.ID
	b.config.Labels[labelName] = slot.name
	b.config.Labels[labelWasUp] = fmt.Sprint(up(slot.old))
	id, err := u.create(ctx, b)
	if id != "" {
		slot.next = u.inspected(ctx, id)
	}
	return err
}

// inspected is a container as it is now; of one that can't be read, its id.
func (s *Stack) inspected(ctx context.Context, id string) *container.InspectResponse {
	ctx, cancel := flow.Cleanup(ctx)
	defer cancel()
	c, err := s.engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	if err != nil {
		return &container.InspectResponse{ID: id, State: &container.State{}, Config: &container.Config{}, HostConfig: &container.HostConfig{}}
	}
	return &c.Container
}

// swap stops the old container and starts the next under its name. Two can't have one published port, one fixed
// address or one volume at a time: so the old one stops first.
func (u *update) swap(ctx context.Context, slot *slot) error {
	if up(slot.old) {
		fmt.Fprintf(u.report, "%s: stopping the old container\n", slot.name)
		if _, err := u.engine.ContainerStop(ctx, slot.old.ID, client.ContainerStopOptions{}); err != nil {
			return u.reach("stop "+slot.name, err)
		}
	}
	if err := u.stayDown(ctx, slot.old); err != nil {
		return err
	}
	if err := u.rename(ctx, slot.old, slot.name+suffixOld); err != nil {
		return err
	}
	if err := u.rename(ctx, slot.next, slot.name); err != nil {
		return err
	}
	if _, err := u.engine.ContainerStart(ctx, slot.next.ID, client.ContainerStartOptions{}); err != nil {
		return u.reach("start "+slot.name, err)
	}
	return nil
}

// stayDown keeps an engine that is restarted meanwhile from starting the old container too: `always` means even one
// that was stopped.
func (u *update) stayDown(ctx context.Context, old *container.InspectResponse) error {
	if !old.HostConfig.RestartPolicy.IsAlways() {
		return nil
	}
	return u.restartPolicy(ctx, old.ID, container.RestartPolicy{Name: container.RestartPolicyUnlessStopped})
}

func (u *update) restartPolicy(ctx context.Context, id string, policy container.RestartPolicy) error {
	if _, err := u.engine.ContainerUpdate(ctx, id, client.ContainerUpdateOptions{RestartPolicy: &policy}); err != nil {
		return u.reach("set the restart policy of "+id, err)
	}
	return nil
}

func (u *update) rename(ctx context.Context, c *container.InspectResponse, name string) error {
	if _, err := u.engine.ContainerRename(ctx, c.ID, client.ContainerRenameOptions{NewName: name}); err != nil {
		return u.reach("rename "+nameOf(c)+" to "+name, err)
	}
	return nil
}

// settle makes it last: the tag on this engine moves, or the next `docker compose up` would bring the old code back;
// then the old containers go.
func (u *update) settle(ctx context.Context) error {
	if _, err := u.engine.ImageTag(ctx, client.ImageTagOptions{Source: u.image.ID, Target: u.image.tagged}); err != nil {
		return u.reach("tag "+u.image.tagged, err)
	}
	for _, slot := range u.slots {
		if slot.next == nil {
			continue
		}
		// Its volumes belong to the next one now.
		if _, err := u.engine.ContainerRemove(ctx, slot.old.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			return u.reach("remove the old "+slot.name, err)
		}
	}
	return nil
}
