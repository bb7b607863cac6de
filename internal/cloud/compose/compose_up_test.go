package compose_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/docker/cli/cli/command"
	"github.com/docker/cli/cli/flags"
	"github.com/docker/compose/v5/pkg/api"
	library "github.com/docker/compose/v5/pkg/compose"

	"hotfix/internal/flow"
)

// composeUp is `docker compose up -d` in a folder with this compose file, and waits until web is healthy.
func (p *project) composeUp(file string) {
	p.t.Helper()
	docker, err := command.NewDockerCli(command.WithAPIClient(p.engine), command.WithCombinedStreams(io.Discard),
		command.WithInputStream(io.NopCloser(strings.NewReader(""))))
	p.must(err)
	options := flags.NewClientOptions()
	options.Hosts = []string{p.engine.DaemonHost()}
	p.must(docker.Initialize(options))
	compose, err := library.NewComposeService(docker)
	p.must(err)
	path := filepath.Join(p.t.TempDir(), "compose.yml")
	p.must(os.WriteFile(path, []byte(file), 0o644))
	loaded, err := compose.LoadProject(p.t.Context(), api.ProjectLoadOptions{ProjectName: p.name, ConfigPaths: []string{path}})
	p.must(err)
	p.must(compose.Up(p.t.Context(), loaded, api.UpOptions{Create: api.CreateOptions{Inherit: true, Recreate: api.RecreateDiverged, RecreateDependencies: api.RecreateDiverged}}))
	_, err = p.stack.Health(p.t.Context(), "web", time.Millisecond)
	p.must(err)
}

// TestTheNextComposeUpKeepsTheHotfix: what compose itself made is patched, compose takes it for its own and leaves it
// alone, and where it has to make the container again, it takes the patched image.
func TestTheNextComposeUpKeepsTheHotfix(t *testing.T) {
	p := newProject(t)
	live, next := p.push("live", "1", "", checked), p.push("next", "2", "", checked)
	file := `services:
  web:
    image: ` + p.repository + `:live
    environment: { DB_HOST: db }
    volumes: [data:/data, /unnamed]
    networks: { front: { aliases: [www] }, back: {} }
    restart: always
    scale: 2
volumes: { data: {} }
networks: { front: {}, back: {} }
`
	p.composeUp(file)
	p.is("web", live, 2)
	p.exec("web", "write", "/data/kept", "d")
	before := map[string]string{}
	for _, c := range p.all() {
		before[c.Name] = p.settings(c)
	}
	p.must(p.stack.Update(t.Context(), "web", strings.Replace(next, ":next", ":live", 1), quick, flow.Silent{}))
	p.is("web", next, 2)
	patched := map[string]string{}
	for _, c := range p.all() {
		patched[c.Name] = c.ID
		if have := p.settings(c); have != before[c.Name] {
			t.Errorf("settings before:\n%s\nafter:\n%s", before[c.Name], have)
		}
	}
	p.composeUp(file)
	for _, c := range p.all() {
		if patched[c.Name] != c.ID {
			t.Errorf("compose made %s again", c.Name)
		}
	}
	p.composeUp(strings.Replace(file, "DB_HOST: db", "DB_HOST: other", 1))
	p.is("web", next, 2)
	for _, c := range p.all() {
		if patched[c.Name] == c.ID {
			t.Errorf("compose left %s as it was", c.Name)
		}
	}
	if have := p.exec("web", "read", "/data/kept"); have != "d" {
		t.Errorf("the volume holds %q", have)
	}
}
