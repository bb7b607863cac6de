package build

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/containerd/errdefs"
	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// state lists every container, network and volume of the product's names, with what would change if touched.
func state(t *testing.T, p *rig) []string {
	t.Helper()
	var all []string
	containers, err := p.engine.ContainerList(t.Context(), client.ContainerListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers.Items {
		if strings.Contains(containerName(c.Names), p.name) {
			full, err := p.engine.ContainerInspect(t.Context(), c.ID, client.ContainerInspectOptions{})
			if errdefs.IsNotFound(err) {
				continue // it is being made
			}
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, fmt.Sprint("container ", containerName(c.Names), c.ID, c.State, full.Container.State.StartedAt, len(c.NetworkSettings.Networks)))
		}
	}
	networks, err := p.engine.NetworkList(t.Context(), client.NetworkListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range networks.Items {
		if strings.Contains(n.Name, p.name) {
			all = append(all, fmt.Sprint("network ", n.Name, n.ID))
		}
	}
	volumes, err := p.engine.VolumeList(t.Context(), client.VolumeListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Items {
		if strings.Contains(v.Name, p.name) {
			all = append(all, fmt.Sprint("volume ", v.Name, v.CreatedAt))
		}
	}
	slices.Sort(all)
	return all
}

// live brings the same compose file up as users do: under the product's own name, with its fixed names.
func live(t *testing.T, p *rig) {
	t.Helper()
	stack, restore, err := newComposition(p.engine, p.name, &told{})
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := copyTree(t.Context(), p.Path, dir); err != nil {
		t.Fatal(err)
	}
	err = stack.load(t.Context(), dir, []string{"docker-compose.yml"}, map[string]string{"WEB_PORT": strconv.Itoa(freePort(t))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := flow.Cleanup(t.Context())
		defer cancel()
		grace := stopping
		if err := stack.api.Down(ctx, p.name, api.DownOptions{Volumes: true, Timeout: &grace}); err != nil {
			t.Error(err)
		}
	})
	if err := stack.up(t.Context(), []string{"web"}, nil, 0); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyBesideALiveStack(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	live(t, p)
	before := state(t, p)
	if len(before) != 4 { // two containers, a network, a volume
		t.Fatalf("the live stack is %v", before)
	}
	if err := act(t, p.verify(t, p.passing()), &told{}); err != nil {
		t.Fatal(err)
	}
	if after := state(t, p); !slices.Equal(before, after) {
		t.Errorf("the live stack was\n%s and is\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	stack, restore, err := newComposition(p.engine, p.name, &told{})
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	if err := stack.exec(t.Context(), Command{Run: []string{"grep", "1", "/data/schema"}, In: "web"}); err != nil {
		t.Errorf("the live stack's data: %v", err)
	}
}

// An image that the compose file builds is built under a name of ours: a running stack keeps its own.
func TestVerifyBuildsUnderItsOwnName(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	tag := p.name + ":live"
	if _, err := p.engine.ImageTag(t.Context(), client.ImageTagOptions{Source: sandbox.Base(t), Target: tag}); err != nil {
		t.Fatal(err)
	}
	v := p.verify(t, p.passing())
	t.Cleanup(func() {
		for _, name := range []string{tag, v.name() + "-web"} {
			ctx, cancel := flow.Cleanup(t.Context())
			defer cancel()
			if _, err := p.engine.ImageRemove(ctx, name, client.ImageRemoveOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	before := imageID(t, p.engine, tag)
	write(t, p.Path, "Dockerfile", "FROM "+sandbox.Base(t)+"\nRUN touch /built\n")
	write(t, p.Path, "extra.yml", "services: {web: {image: '"+tag+"', build: .}, worker: {image: '"+tag+"'}}")
	p.sync(t)
	v.Spec.ComposeFiles = append(v.Spec.ComposeFiles, "extra.yml")
	v.Spec.Checks = append(v.Spec.Checks, Check{Run: []string{"test", "-e", "/built"}, In: "web"})
	v.Spec.Prepare = append(v.Spec.Prepare, Command{Run: []string{"test", "-e", "/built"}, In: "worker"})
	report := &told{}
	if err := act(t, v, report); err != nil {
		t.Fatalf("%v\n%s", err, report)
	}
	if after := imageID(t, p.engine, tag); after != before {
		t.Errorf("the tag %s was moved", tag)
	}
}

func imageID(t *testing.T, engine client.APIClient, name string) string {
	t.Helper()
	found, err := engine.ImageInspect(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return found.ID
}

// A project of our name that is not ours is left alone.
func TestVerifyLeavesWhatItDidNotMake(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	v := p.verify(t, p.passing())
	made, err := p.engine.VolumeCreate(t.Context(), client.VolumeCreateOptions{Name: v.name() + "_data",
		Labels: map[string]string{api.ProjectLabel: v.name()}})
	if err != nil {
		t.Fatal(err)
	}
	err = v.do(t.Context(), &told{})
	if err == nil || !strings.Contains(err.Error(), "is not hotfix's: volume "+made.Volume.Name) {
		t.Errorf("it ended with %v", err)
	}
	if _, err := p.engine.VolumeRemove(t.Context(), made.Volume.Name, client.VolumeRemoveOptions{}); err != nil {
		t.Errorf("the volume: %v", err)
	}
}

func TestVerifyNamesATakenPort(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil {
		t.Fatal(err)
	}
	report := &told{}
	err = act(t, p.verify(t, p.passing()), report)
	listener.Close()
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("service web wants port %d, which is taken", p.port)) || len(flow.Hints(err)) == 0 {
		t.Errorf("it ended with %v", err)
	}
	if strings.Contains(report.String(), "Created") {
		t.Errorf("something was started:\n%s", report)
	}

	port := network.MustParsePort("80/tcp")
	holder, err := p.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{Name: p.name + "-holder",
		Config:     &container.Config{Image: sandbox.Base(t), Cmd: []string{"sleep", "300"}, ExposedPorts: network.PortSet{port: {}}},
		HostConfig: &container.HostConfig{PortBindings: network.PortMap{port: {{HostIP: netip.MustParseAddr("127.0.0.1"), HostPort: strconv.Itoa(p.port)}}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := flow.Cleanup(t.Context())
		defer cancel()
		if _, err := p.engine.ContainerRemove(ctx, holder.ID, client.ContainerRemoveOptions{Force: true}); err != nil {
			t.Error(err)
		}
	})
	if _, err := p.engine.ContainerStart(t.Context(), holder.ID, client.ContainerStartOptions{}); err != nil {
		t.Fatal(err)
	}
	err = act(t, p.verify(t, p.passing()), &told{})
	if err == nil || !strings.Contains(err.Error(), "taken by container "+p.name+"-holder") {
		t.Errorf("it ended with %v", err)
	}
}

// What can't be kept apart from a running stack is refused before anything is started.
func TestVerifyRefusesWhatReachesOut(t *testing.T) {
	t.Parallel()
	p := newRig(t)
	for text, want := range map[string]string{
		`services: {web: {volumes: ["../data:/srv"]}}`:                              "outside the build directory",
		`services: {web: {external_links: [acme_db_1]}}`:                            "links to the container acme_db_1",
		`services: {web: {network_mode: "container:acme", networks: !reset {}}}`:    "uses the container acme",
		`volumes: {data: {external: true}}`:                                         "volume data is external",
		`volumes: {data: {driver_opts: {type: none, o: bind, device: /srv/mysql}}}`: "volume data is /srv/mysql",
		`networks: {default: {external: true}}`:                                     "network default is external",
		`{services: {web: {volumes: ["./link:/srv"]}}}`:                             "outside the build directory",
	} {
		write(t, p.Path, "extra.yml", text)
		_ = os.Symlink(t.TempDir(), p.Path+"/link") // there from the second time on
		p.sync(t)
		spec := p.passing()
		spec.ComposeFiles = append(spec.ComposeFiles, "extra.yml")
		err := act(t, p.verify(t, spec), &told{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
