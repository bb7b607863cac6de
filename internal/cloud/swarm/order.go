package swarm

import (
	"context"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// order decides whether the new task starts before the old one stops, and says why not. Only what can't work goes
// before what hotfix.yml says.
func (s *Stack) order(ctx context.Context, one swarm.Service, ref string) (swarm.UpdateOrder, string) {
	stop := func(why string) (swarm.UpdateOrder, string) {
		return swarm.UpdateOrderStopFirst, ", with a gap: " + why
	}
	spec := one.Spec
	if s.Order == string(swarm.UpdateOrderStopFirst) {
		return stop("hotfix.yml says so")
	}
	if port := hostPort(one); port && !s.spare(ctx, spec) {
		return stop("it publishes a host-mode port, and there is no spare node for a second one")
	}
	if s.Order == string(swarm.UpdateOrderStartFirst) {
		return swarm.UpdateOrderStartFirst, ""
	}
	if replicas(spec) == 1 && writes(spec) {
		return stop("its only replica writes to a volume, and two at once may break it; `update: start-first` in hotfix.yml if they can share it")
	}
	if !s.healthchecked(ctx, spec, ref) {
		return stop("it has no healthcheck, so the new one would get requests before it can answer")
	}
	return swarm.UpdateOrderStartFirst, ""
}

func hostPort(one swarm.Service) bool {
	spec := one.Spec.EndpointSpec
	return spec != nil && slices.ContainsFunc(spec.Ports, func(p swarm.PortConfig) bool {
		return p.PublishMode == swarm.PortConfigPublishModeHost && p.PublishedPort != 0
	})
}

// replicas is how many there should be; 0 where the service is global.
func replicas(spec swarm.ServiceSpec) int {
	if spec.Mode.Replicated == nil {
		return 0
	}
	return slots{}.wanted(spec)
}

func writes(spec swarm.ServiceSpec) bool {
	return slices.ContainsFunc(spec.TaskTemplate.ContainerSpec.Mounts, func(m mount.Mount) bool {
		return !m.ReadOnly && (m.Type == mount.TypeVolume || m.Type == mount.TypeBind)
	})
}

// spare tells whether a node that may run the service runs none of it yet.
func (s *Stack) spare(ctx context.Context, spec swarm.ServiceSpec) bool {
	if spec.Mode.Replicated == nil {
		return false
	}
	nodes, err := s.engine.NodeList(ctx, client.NodeListOptions{})
	if err != nil {
		return false
	}
	fit := 0
	for _, n := range nodes.Items {
		ready := n.Status.State == swarm.NodeStateReady && n.Spec.Availability == swarm.NodeAvailabilityActive
		if ready && suits(n, spec.TaskTemplate.Placement) {
			fit++
		}
	}
	return fit > replicas(spec)
}

// suits tells whether a node meets all constraints. One that we can't read it does not meet.
func suits(n swarm.Node, placement *swarm.Placement) bool {
	if placement == nil {
		return true
	}
	for _, constraint := range placement.Constraints {
		equal := true
		key, want, found := strings.Cut(constraint, "==")
		if !found {
			key, want, found = strings.Cut(constraint, "!=")
			equal = false
		}
		have, known := attribute(n, strings.TrimSpace(key))
		if !found || !known || strings.EqualFold(have, strings.TrimSpace(want)) != equal {
			return false
		}
	}
	return true
}

// attribute is what a constraint calls key.
func attribute(n swarm.Node, key string) (string, bool) {
	switch key {
	case "node.id":
		return n.ID, true
	case "node.hostname":
		return n.Description.Hostname, true
	case "node.role":
		return string(n.Spec.Role), true
	case "node.platform.os":
		return n.Description.Platform.OS, true
	case "node.platform.arch":
		return n.Description.Platform.Architecture, true
	}
	if label, ok := strings.CutPrefix(key, "node.labels."); ok {
		return n.Spec.Labels[label], true
	}
	if label, ok := strings.CutPrefix(key, "engine.labels."); ok {
		return n.Description.Engine.Labels[label], true
	}
	return "", false
}
