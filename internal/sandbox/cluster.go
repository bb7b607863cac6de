package sandbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// A Cluster is a swarm of real engines on this machine, each in its own network, mount, host name and process
// namespaces; the first is its manager. They and this machine share a subnet of their own.
type Cluster struct {
	Nodes   []*Node
	Gateway string // this machine's address in the subnet; the nodes accept a registry without TLS there

	id, dir string // dir is named after this process and the id
	subnet  netip.Prefix
}

// A Node is one engine of a cluster.
type Node struct {
	Name   string // its host name
	Addr   string
	Engine client.APIClient

	cluster *Cluster
	number  int
	daemon  *daemon
}

// CanCluster returns nil where clusters can be made: by root on Linux, with an engine's programs.
func CanCluster() error {
	if os.Geteuid() != 0 {
		return errors.New("a cluster needs root: it is made of network namespaces")
	}
	for _, program := range []string{"dockerd", "ip", "unshare", "nsenter", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("a cluster needs %s: %w", program, err)
		}
	}
	return nil
}

// StartCluster makes a cluster of so many nodes. It ends with Close; its engines end with this process too.
func StartCluster(ctx context.Context, nodes int, logf Logf) (*Cluster, error) {
	sweep()
	c := &Cluster{id: "hf" + id()[:4]}
	c.dir = filepath.Join(os.TempDir(), fmt.Sprintf("%s%d-%s", clusterPrefix, os.Getpid(), c.id))
	if err := os.Mkdir(c.dir, 0o700); err != nil {
		return nil, err
	}
	c.subnet = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(100 + rand.IntN(100)), byte(rand.IntN(256)), 0}), 24)
	c.Gateway = c.address(1)
	logf("starting a swarm of %d engines on %s", nodes, c.subnet)
	for i := range nodes {
		n := &Node{Name: fmt.Sprintf("%s-n%d", c.id, i+1), Addr: c.address(11 + i), cluster: c, number: i + 1}
		c.Nodes = append(c.Nodes, n)
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Cluster) address(host int) string {
	bytes := c.subnet.Addr().As4()
	bytes[3] = byte(host)
	return netip.AddrFrom4(bytes).String()
}

func (c *Cluster) start(ctx context.Context) error {
	if err := c.plug(ctx); err != nil {
		return err
	}
	for _, n := range c.Nodes {
		if err := n.begin(); err != nil {
			return err
		}
	}
	for _, n := range c.Nodes {
		if err := n.answers(ctx); err != nil {
			return err
		}
	}
	return c.join(ctx)
}

// join makes one swarm of the engines.
func (c *Cluster) join(ctx context.Context) error {
	manager := c.Nodes[0]
	listen := "0.0.0.0:2377"
	_, err := manager.Engine.SwarmInit(ctx, client.SwarmInitOptions{ListenAddr: listen, AdvertiseAddr: manager.Addr,
		DefaultAddrPool: []netip.Prefix{netip.MustParsePrefix("10.78.0.0/16")}, SubnetSize: 24})
	if err != nil {
		return fmt.Errorf("init the swarm: %w", err)
	}
	found, err := manager.Engine.SwarmInspect(ctx, client.SwarmInspectOptions{})
	if err != nil {
		return err
	}
	for _, n := range c.Nodes[1:] {
		if _, err := n.Engine.SwarmJoin(ctx, client.SwarmJoinOptions{ListenAddr: listen, AdvertiseAddr: n.Addr, DataPathAddr: n.Addr,
			RemoteAddrs: []string{manager.Addr + ":2377"}, JoinToken: found.Swarm.JoinTokens.Worker}); err != nil {
			return fmt.Errorf("join %s: %w", n.Name, err)
		}
	}
	return c.Ready(ctx, len(c.Nodes))
}

// Ready returns once exactly so many nodes are ready.
func (c *Cluster) Ready(ctx context.Context, want int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		nodes, err := c.Nodes[0].Engine.NodeList(ctx, client.NodeListOptions{})
		if err != nil {
			return fmt.Errorf("wait for %d nodes: %w", want, err)
		}
		ready := 0
		for _, n := range nodes.Items {
			if n.Status.State == swarm.NodeStateReady {
				ready++
			}
		}
		if ready == want {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// plug connects the nodes' network namespaces with a bridge that stands in one of its own: the rules of an engine on
// this machine can't touch it.
func (c *Cluster) plug(ctx context.Context) error {
	hub, host := c.id+"sw", c.id+"h0"
	commands := []string{
		"ip netns add " + hub,
		"ip -n " + hub + " link add br0 type bridge",
		"ip -n " + hub + " link set br0 up",
		"ip link add " + host + " type veth peer name p0 netns " + hub,
		"ip addr add " + c.Gateway + "/24 dev " + host,
		"ip link set " + host + " up",
		"ip -n " + hub + " link set p0 master br0 up",
	}
	for i, n := range c.Nodes {
		port := fmt.Sprintf("p%d", i+1)
		commands = append(commands,
			"ip netns add "+n.Name,
			"ip -n "+n.Name+" link set lo up",
			"ip link add eth0 netns "+n.Name+" type veth peer name "+port+" netns "+hub,
			"ip -n "+hub+" link set "+port+" master br0 up",
			"ip -n "+n.Name+" addr add "+n.Addr+"/24 dev eth0",
			"ip -n "+n.Name+" link set eth0 up",
			"ip -n "+n.Name+" route add default via "+c.Gateway)
	}
	for _, command := range commands {
		words := strings.Fields(command)
		if _, err := run(ctx, "", nil, words[0], words[1:]...); err != nil {
			return err
		}
	}
	return nil
}

// Close takes the cluster down, whatever state it is in.
func (c *Cluster) Close() error {
	for _, n := range c.Nodes {
		n.Kill()
	}
	return remove(c.dir, c.id)
}
