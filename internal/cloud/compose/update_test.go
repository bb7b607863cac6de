package compose_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/api/types/registry"
	"github.com/moby/moby/client"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/compose"
	"hotfix/internal/flow"
)

func TestUpdateKeepsEverythingButTheImage(t *testing.T) {
	p := newProject(t)
	volumes := func(c *v1.Config) { c.Volumes = map[string]struct{}{"/anonymous": {}} }
	v1ref := p.push("git-commit-1", "1", "", checked, volumes)
	v2ref := p.push("git-commit-2", "2", "", checked, volumes, func(c *v1.Config) { c.Env = append(c.Env, "NEW=yes") })
	id := p.up("web", 1, v1ref, p.rich())
	_, err := p.engine.NetworkConnect(t.Context(), p.name+"_b", client.NetworkConnectOptions{Container: id,
		EndpointConfig: &network.EndpointSettings{Aliases: []string{"inner"}}})
	p.must(err)
	p.exec("web", "write", "/anonymous/kept", "a")
	p.exec("web", "write", "/unnamed/kept", "u")
	p.exec("web", "write", "/data/kept", "d")
	before := p.inspect(id)

	ref := strings.Replace(v2ref, "git-commit-2", "git-commit-1", 1)
	p.must(p.stack.Update(t.Context(), "web", ref, quick, flow.Silent{}))
	p.is("web", v2ref, 1)
	after := p.all()[0]
	if id == after.ID {
		t.Fatal("it is still the old container")
	}
	if a, b := p.settings(before), p.settings(after); a != b {
		t.Errorf("settings before:\n%s\nafter:\n%s", a, b)
	}
	for _, want := range []string{"DB_HOST=db", "VERSION=2", "NEW=yes"} {
		if !slices.Contains(after.Config.Env, want) {
			t.Errorf("%s is not in the environment: %v", want, after.Config.Env)
		}
	}
	if slices.Contains(after.Config.Env, "VERSION=1") {
		t.Errorf("what came from the old image stayed: %v", after.Config.Env)
	}
	for path, want := range map[string]string{"/anonymous/kept": "a", "/unnamed/kept": "u", "/data/kept": "d"} {
		if got := p.exec("web", "read", path); got != want {
			t.Errorf("%s holds %q, want %q", path, got, want)
		}
	}
	image, err := p.engine.ImageInspect(t.Context(), p.repository+":git-commit-1")
	p.must(err)
	if image.ID != after.Image || after.Config.Labels["com.docker.compose.image"] != after.Image {
		t.Errorf("the tag on the engine is %s, compose's label %s, want %s", image.ID, after.Config.Labels["com.docker.compose.image"], after.Image)
	}
	if s := p.service("web"); s.Image != ref || s.Tag != "git-commit-1" || s.Repository != p.repository || s.Labels["org.opencontainers.image.revision"] != "2" {
		t.Errorf("%+v", s)
	}
	// And back: what the first image brought is there again, from an engine that needs no registry for it.
	p.must(p.stack.Update(t.Context(), "web", v1ref, quick, flow.Silent{}))
	p.is("web", v1ref, 1)
	back := p.all()[0]
	if a, b := p.settings(before), p.settings(back); a != b || slices.Contains(back.Config.Env, "NEW=yes") {
		t.Errorf("settings before:\n%s\nand back:\n%s", a, b)
	}
	// What runs already is left alone.
	p.must(p.stack.Update(t.Context(), "web", v1ref, quick, flow.Silent{}))
	if now := p.all()[0]; now.ID != back.ID {
		t.Error("a container that runs the digest was made again")
	}
}

func (p *project) exec(service string, command ...string) string {
	p.t.Helper()
	var out strings.Builder
	exit, err := p.stack.Exec(p.t.Context(), service, append([]string{"/app"}, command...), &out)
	if err != nil || exit != 0 {
		p.t.Fatalf("%v: exit status %d, %v: %s", command, exit, err, &out)
	}
	return out.String()
}

func TestUpdatePutsBackWhatDoesNotWork(t *testing.T) {
	p := newProject(t)
	good := p.push("live", "1", "", checked)
	extra := func(c *v1.Config) { c.Volumes = map[string]struct{}{"/only-in-the-new": {}} }
	next := p.push("next", "2", "", checked, extra)
	id := p.up("web", 1, good, always)
	var volume string
	failing := quick
	failing.Check = func(context.Context, flow.Report) error {
		for _, c := range p.all() {
			if c.ID != id {
				volume = c.Mounts[0].Name
			}
		}
		return errors.New("bin/smoke.sh: exit status 1")
	}
	for _, test := range []struct {
		name, ref string
		options   cloud.Options
		says      []string
	}{
		{"crash", p.push("crash", "2", "crash", checked, extra), quick, []string{"it crashed", "| PHP Fatal error: no such thing", "back on"}},
		{"unhealthy", p.push("bad", "2", "unhealthy", checked), quick, []string{"unhealthy", "healthcheck ended with 1: status 503", "| serving 2 unhealthy"}},
		{"check", next, failing, []string{"bin/smoke.sh: exit status 1", "| serving 2", "back on"}},
		{"time", p.push("slow", "2", "unhealthy", checked, func(c *v1.Config) { c.Healthcheck.Retries = 1000 }),
			cloud.Options{Monitor: time.Millisecond, Timeout: 700 * time.Millisecond}, []string{"not healthy after 700ms"}},
		{"no such digest", p.repository + ":live@sha256:" + strings.Repeat("0", 64), quick, []string{"nothing was touched", "manifest unknown"}},
		{"no such command", p.push("none", "2", "", func(c *v1.Config) { c.Entrypoint = []string{"/missing"} }), quick, []string{"start", "/missing"}},
	} {
		err := p.stack.Update(t.Context(), "web", test.ref, test.options, flow.Silent{})
		if err == nil {
			t.Errorf("%s: it worked", test.name)
			continue
		}
		for _, want := range test.says {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: the error does not say %q: %v", test.name, want, err)
			}
		}
		p.is("web", good, 1)
		if now := p.all()[0]; now.ID != id || !now.HostConfig.RestartPolicy.IsAlways() {
			t.Errorf("%s: another container serves, or with other settings", test.name)
		}
	}
	image, err := p.engine.ImageInspect(t.Context(), p.repository+":live")
	p.must(err)
	if image.ID != p.inspect(id).Image {
		t.Error("the tag on the engine has moved")
	}
	if _, err := p.engine.VolumeInspect(t.Context(), volume, client.VolumeInspectOptions{}); volume == "" || !errdefs.IsNotFound(err) {
		t.Errorf("the volume %q of the image that failed was left behind: %v", volume, err)
	}
}

func TestUpdateOfReplicas(t *testing.T) {
	p := newProject(t)
	old, next := p.push("live", "1", ""), p.push("next", "2", "")
	ids := []string{p.up("web", 1, old), p.up("web", 2, old)}
	failing := quick
	failing.Check = func(context.Context, flow.Report) error {
		if s := p.service("web"); s.Running != 2 || !s.Interrupted {
			t.Errorf("when it is checked: %+v", s)
		}
		return errors.New("no")
	}
	if err := p.stack.Update(t.Context(), "web", next, failing, flow.Silent{}); err == nil || strings.Count(err.Error(), "back on") != 2 {
		t.Errorf("want both back: %v", err)
	}
	p.is("web", old, 2)
	for _, id := range ids {
		if !p.inspect(id).State.Running {
			t.Error("an old container does not run")
		}
	}
	p.must(p.stack.Update(t.Context(), "web", next, quick, flow.Silent{}))
	p.is("web", next, 2)
}

func TestUpdateOfACrashedService(t *testing.T) {
	p := newProject(t)
	bad, good := p.push("live", "1", "crash"), p.push("next", "2", "")
	p.up("web", 1, bad, always)
	if s := p.service("web"); s.Completed || s.Running != s.Healthy {
		t.Errorf("%+v", s)
	}
	p.must(p.stack.Update(t.Context(), "web", good, quick, flow.Silent{}))
	p.is("web", good, 1)
}

func TestCancelledUpdateIsPutBack(t *testing.T) {
	p := newProject(t)
	old, next := p.push("live", "1", ""), p.push("next", "2", "")
	p.up("web", 1, old)
	ctx, cancel := context.WithCancel(t.Context())
	o := quick
	o.Check = func(context.Context, flow.Report) error { cancel(); return ctx.Err() }
	if err := p.stack.Update(ctx, "web", next, o, flow.Silent{}); !errors.Is(err, context.Canceled) {
		t.Errorf("want cancelled, have %v", err)
	}
	p.is("web", old, 1)
}

func TestUpdateNeedsCredentials(t *testing.T) {
	p := newProject(t)
	old := p.push("live", "1", "")
	p.up("web", 1, old)
	server := httptest.NewServer(locked("secret"))
	defer server.Close()
	open := p.repository
	p.repository = strings.TrimPrefix(server.URL, "http://") + "/" + p.name
	ref, err := name.ParseReference(p.repository + ":next")
	p.must(err)
	source, err := name.ParseReference(strings.Split(old, "@")[0])
	p.must(err)
	image, err := remote.Image(source)
	p.must(err)
	p.must(remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: "deploy", Password: "secret"})))
	digest, err := image.Digest()
	p.must(err)
	for _, password := range []string{"wrong", "secret"} {
		works := password == "secret"
		stack := compose.New(p.engine, p.name, func(_ context.Context, repository string) (string, error) {
			if repository != p.repository {
				t.Errorf("credentials were asked for %s", repository)
			}
			return authconfig.Encode(registry.AuthConfig{Username: "deploy", Password: password})
		})
		_, err := stack.RunJob(t.Context(), cloud.JobSpec{Key: password, Service: "web", Ref: ref.Name() + "@" + digest.String(), Command: []string{"/app", "job", "0", "x"}}, flow.Silent{})
		if works != (err == nil) {
			t.Errorf("with the password %s: %v", password, err)
		}
		if !works && !strings.Contains(strings.Join(flow.Hints(err), " "), "docker login") {
			t.Errorf("no remedy: %v, %v", err, flow.Hints(err))
		}
	}
	p.repository = open
}
