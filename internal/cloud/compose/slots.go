package compose

import (
	"context"
	"strings"

	"github.com/moby/moby/api/types/container"
)

// Labels of a container that is to take over from another; they stay on it, and mean nothing once the other is
// gone. They can't be put on the old one: an existing container's labels are fixed, so it is told by its name.
const (
	labelReplaces = "hotfix.replaces" // the old container's id
	labelName     = "hotfix.name"     // the name that both are after
	labelWasUp    = "hotfix.was-up"   // "true": the old one ran, and is started again when it is put back
)

// What the two are called while they can't both have the name.
const (
	suffixOld  = "-before-hotfix"
	suffixNext = "-hotfix"
)

// A slot is the place of one container of a service. While it is updated it holds two: the old one, stopped and kept,
// and the next. A killed update is recognised by that, wherever it was.
type slot struct {
	name string // without docker's slash
	old  *container.InspectResponse
	next *container.InspectResponse
}

// slots returns the places of a service's containers.
func (s *Stack) slots(ctx context.Context, service string) ([]*slot, error) {
	all, err := s.containers(ctx, service)
	if err != nil {
		return nil, err
	}
	return arrange(all), nil
}

// arrange finds for each container whether it is about to take over from another.
func arrange(all []container.InspectResponse) []*slot {
	byID := map[string]*slot{}
	for i := range all {
		name := strings.TrimSuffix(nameOf(&all[i]), suffixOld)
		byID[all[i].ID] = &slot{name: name, old: &all[i]}
	}
	var slots []*slot
	for i := range all {
		c := &all[i]
		if s, ok := byID[c.Config.Labels[labelReplaces]]; ok {
			s.next, s.name = c, c.Config.Labels[labelName]
		} else {
			slots = append(slots, byID[c.ID])
		}
	}
	return slots
}

// interrupted tells whether an update of it was begun and has no end.
func (s *slot) interrupted() bool { return s.next != nil || nameOf(s.old) != s.name }

// serving is the container that serves, or should.
func (s *slot) serving() *container.InspectResponse {
	if s.next != nil && up(s.next) {
		return s.next
	}
	return s.old
}

// wasUp tells whether the old container is to run when it is put back.
func (s *slot) wasUp() bool {
	return s.next == nil || s.next.Config.Labels[labelWasUp] == "true"
}

func nameOf(c *container.InspectResponse) string { return strings.TrimPrefix(c.Name, "/") }

// up tells whether a container runs, or would if it did not keep crashing.
func up(c *container.InspectResponse) bool { return c.State.Running || c.State.Restarting }
