package compose

import (
	"reflect"
	"slices"
	"testing"
	"time"

	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

func imageOf(c ocispec.ImageConfig, check *container.HealthConfig) *dockerspec.DockerOCIImageConfig {
	return &dockerspec.DockerOCIImageConfig{ImageConfig: c, DockerOCIImageConfigExt: dockerspec.DockerOCIImageConfigExt{Healthcheck: check}}
}

func TestOwnLeavesWhatTheImageBrought(t *testing.T) {
	id := "0123456789abcdef"
	test := []string{"CMD", "check"}
	from := imageOf(ocispec.ImageConfig{User: "www", Env: []string{"PATH=/bin", "A=image"}, Entrypoint: []string{"/entry"}, Cmd: []string{"serve"},
		WorkingDir: "/app", StopSignal: "SIGQUIT", Volumes: map[string]struct{}{"/v": {}}, ExposedPorts: map[string]struct{}{"80": {}, "443/tcp": {}},
		Labels: map[string]string{"revision": "1", "com.docker.compose.project": "acme"}}, &container.HealthConfig{Test: test, Interval: time.Second, Retries: 3})
	port := network.MustParsePort
	c := &container.InspectResponse{ID: id, HostConfig: &container.HostConfig{PortBindings: network.PortMap{port("443/tcp"): nil}}, Config: &container.Config{
		User: "www", Env: []string{"A=mine", "PATH=/bin", "B=mine"}, Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}, WorkingDir: "/elsewhere",
		StopSignal: "SIGQUIT", Volumes: map[string]struct{}{"/v": {}, "/w": {}}, Hostname: id[:12],
		ExposedPorts: network.PortSet{port("80"): {}, port("443"): {}, port("9000"): {}},
		Labels:       map[string]string{"revision": "1", "com.docker.compose.project": "acme", "team": "shop"},
		Healthcheck:  &container.HealthConfig{Test: test, Interval: time.Second, Retries: 9}}}
	want := &container.Config{Env: []string{"A=mine", "B=mine"}, WorkingDir: "/elsewhere", Volumes: map[string]struct{}{"/w": {}},
		ExposedPorts: network.PortSet{port("443"): {}, port("9000"): {}},
		Labels:       map[string]string{"com.docker.compose.project": "acme", "team": "shop"},
		Healthcheck:  &container.HealthConfig{Retries: 9}}
	if have := own(c, from); !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v\nwant %+v", have, want)
	}
	if c.Config.Hostname == "" || len(c.Config.Labels) != 3 {
		t.Error("the container that was looked at has changed")
	}
}

func TestOwnCommand(t *testing.T) {
	from := imageOf(ocispec.ImageConfig{Entrypoint: []string{"/entry"}, Cmd: []string{"serve"}}, nil)
	for _, test := range []struct{ entrypoint, cmd, wantEntrypoint, wantCmd []string }{
		{[]string{"/entry"}, []string{"serve"}, nil, nil},
		{[]string{"/entry"}, []string{"other"}, nil, []string{"other"}},
		{[]string{"/mine"}, []string{"serve"}, []string{"/mine"}, []string{"serve"}}, // with an entrypoint of one's own the image's command is not taken
		{[]string{}, []string{"serve"}, []string{}, nil},
	} {
		c := &container.InspectResponse{ID: "x", Config: &container.Config{Hostname: "h", Entrypoint: test.entrypoint, Cmd: test.cmd}, HostConfig: &container.HostConfig{}}
		have := own(c, from)
		if !reflect.DeepEqual(have.Entrypoint, test.wantEntrypoint) || !reflect.DeepEqual(have.Cmd, test.wantCmd) {
			t.Errorf("%q %q: have %#v %#v, want %#v %#v", test.entrypoint, test.cmd, have.Entrypoint, have.Cmd, test.wantEntrypoint, test.wantCmd)
		}
		if have.Hostname != "h" {
			t.Errorf("the hostname is %q", have.Hostname)
		}
	}
}

func TestMountsCarryVolumesOver(t *testing.T) {
	c := &container.InspectResponse{HostConfig: &container.HostConfig{Binds: []string{"data:/data/:rw", "/srv:/srv"},
		Mounts: []mount.Mount{{Type: mount.TypeVolume, Target: "/unnamed/"}, {Type: mount.TypeTmpfs, Target: "/tmp"}}},
		Mounts: []container.MountPoint{{Type: mount.TypeVolume, Name: "data", Destination: "/data"}, {Type: mount.TypeBind, Source: "/srv", Destination: "/srv"},
			{Type: mount.TypeVolume, Name: "aaaa", Destination: "/unnamed", RW: true}, {Type: mount.TypeVolume, Name: "bbbb", Destination: "/from-image"},
			{Type: mount.TypeTmpfs, Destination: "/tmp"}}}
	want := []mount.Mount{{Type: mount.TypeVolume, Source: "aaaa", Target: "/unnamed/"}, {Type: mount.TypeTmpfs, Target: "/tmp"},
		{Type: mount.TypeVolume, Source: "bbbb", Target: "/from-image", ReadOnly: true}}
	if have := mounts(c); !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v\nwant %+v", have, want)
	}
}

func TestNetworksAndLinks(t *testing.T) {
	c := &container.InspectResponse{ID: "0123456789abcdef", HostConfig: &container.HostConfig{NetworkMode: "acme_default"},
		NetworkSettings: &container.NetworkSettings{Networks: map[string]*network.EndpointSettings{
			"acme_default": {Aliases: []string{"web", "0123456789ab"}, EndpointID: "e", NetworkID: "n", Links: []string{"db:db"}}}}}
	want := map[string]*network.EndpointSettings{"acme_default": {Aliases: []string{"web"}, Links: []string{"db:db"}}}
	if have := networks(c); !reflect.DeepEqual(have, want) {
		t.Errorf("have %+v", have["acme_default"])
	}
	for _, mode := range []container.NetworkMode{"host", "none", "container:abc"} {
		c.HostConfig.NetworkMode = mode
		if have := networks(c); have != nil {
			t.Errorf("%s: %v", mode, have)
		}
	}
	if have := links([]string{"/acme_db_1:/acme_web_1/db"}); !slices.Equal(have, []string{"acme_db_1:db"}) {
		t.Errorf("links %v", have)
	}
}

func TestHealthySinceTheLastFailure(t *testing.T) {
	now := time.Now()
	at := func(seconds int, exit int) *container.HealthcheckResult {
		return &container.HealthcheckResult{End: now.Add(time.Duration(seconds) * time.Second), ExitCode: exit}
	}
	c := &container.InspectResponse{State: &container.State{StartedAt: now.Add(-time.Hour).Format(time.RFC3339Nano)}}
	if have := healthySince(c, time.Minute); have.Sub(now.Add(-time.Hour-time.Minute)).Abs() > time.Millisecond {
		t.Errorf("without a healthcheck: %v", have)
	}
	c.State.Health = &container.Health{Log: []*container.HealthcheckResult{at(-9, 0), at(-6, 1), at(-3, 0), at(-1, 0)}}
	if have := healthySince(c, 0); !have.Equal(now.Add(-3 * time.Second)) {
		t.Errorf("since %v", have)
	}
	c.State.Health.Log = append(c.State.Health.Log, at(0, 1))
	if have := healthySince(c, time.Hour); time.Since(have) > time.Second {
		t.Errorf("failing since then, and yet since %v", have)
	}
}

func TestParts(t *testing.T) {
	for image, want := range map[string][2]string{
		"registry.example.com:5000/acme/web:git-commit-1":                                    {"registry.example.com:5000/acme/web", "git-commit-1"},
		"acme/web:1@sha256:0123456789012345678901234567890123456789012345678901234567890123": {"acme/web", "1"},
		"docker.io/library/nginx": {"nginx", ""},
		"sha256:0123456789012345678901234567890123456789012345678901234567890123": {"", ""},
	} {
		if repository, tag := parts(image); repository != want[0] || tag != want[1] {
			t.Errorf("%s: %q %q", image, repository, tag)
		}
	}
}
