package build

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"

	"github.com/compose-spec/compose-go/v2/types"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

// free proves that the ports which the services publish can be had, before anything is started.
func (c *composition) free(ctx context.Context, services []string) error {
	if len(services) == 0 {
		return nil
	}
	project, err := c.project.WithSelectedServices(services)
	if err != nil {
		return err
	}
	running, err := c.engine.ContainerList(ctx, client.ContainerListOptions{})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	var taken []error
	for _, service := range project.Services {
		for _, port := range service.Ports {
			number, err := strconv.ParseUint(port.Published, 10, 16)
			if err != nil || number == 0 { // any port, or one of a range: the engine finds a free one
				continue
			}
			taken = append(taken, wanted(service.Name, port, uint16(number), running.Items))
		}
	}
	return errors.Join(taken...)
}

// wanted returns an error that names who holds the port, or nil.
func wanted(service string, port types.ServicePortConfig, number uint16, running []container.Summary) error {
	holder := holds(running, port, number)
	if holder == "" && !listening(port, number) {
		return nil
	}
	err := fmt.Errorf("service %s wants port %d, which is taken", service, number)
	if holder == "" {
		return flow.Hint(err, fmt.Sprintf("see by whom, and stop it: ss -ltnp 'sport = :%d'", number))
	}
	return flow.Hint(fmt.Errorf("%w by container %s", err, holder), "docker stop "+holder+", or publish another port in the compose file")
}

// holds returns the name of the running container that publishes the port on the same address.
func holds(running []container.Summary, port types.ServicePortConfig, number uint16) string {
	want, _ := netip.ParseAddr(port.HostIP)
	for _, c := range running {
		for _, p := range c.Ports {
			anywhere := !want.IsValid() || want.IsUnspecified() || !p.IP.IsValid() || p.IP.IsUnspecified()
			if p.PublicPort == number && p.Type == port.Protocol && (anywhere || p.IP == want) {
				return containerName(c.Names)
			}
		}
	}
	return ""
}

// listening tells whether another program has the port. Where we may not ask (below 1024), the engine will say.
func listening(port types.ServicePortConfig, number uint16) bool {
	address := net.JoinHostPort(port.HostIP, strconv.Itoa(int(number)))
	if port.Protocol == "udp" {
		conn, err := net.ListenPacket("udp", address)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.EADDRINUSE)
	}
	listener, err := net.Listen("tcp", address)
	if err == nil {
		listener.Close()
	}
	return errors.Is(err, syscall.EADDRINUSE)
}
