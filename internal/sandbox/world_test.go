package sandbox

import (
	"os"
	"strings"
	"testing"

	"github.com/docker/compose/v5/pkg/api"
	"github.com/moby/moby/client"

	"hotfix/internal/flow"
)

func TestWorldServesTheReleaseAndLeavesNothing(t *testing.T) {
	engine := Engine(t)
	w, err := NewWorld(t.Context(), engine, t.TempDir(), "", t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // again, for when the test fails before its own Close
		ctx, cancel := flow.Cleanup(t.Context())
		defer cancel()
		_ = w.Close(ctx)
	})
	status, err := w.Status(t.Context())
	if want := (Status{"Welcome to Acme", w.SHA, "002_orders", "example"}); err != nil || status != want {
		t.Errorf("the status page says %+v, want %+v (%v)", status, want, err)
	}
	digests, err := w.Digests(t.Context())
	if err != nil || !strings.HasPrefix(digests["web"], "sha256:") || digests["phpfiles"] != digests["phpha"] {
		t.Errorf("digests %v (%v)", digests, err)
	}
	for _, script := range []string{"bin/smoke.sh", "bin/backup.sh"} {
		if out, err := w.Exec(t.Context(), "phpfiles", nil, script); err != nil {
			t.Errorf("%s: %v", script, err)
		} else {
			t.Logf("%s: %s", script, strings.TrimSpace(out))
		}
	}
	hold(t, w)
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	nothingLeft(t, w)
}

// hold lets the CDN hold a page, and a purge let go of it.
func hold(t *testing.T, w *World) {
	t.Helper()
	if page, err := w.Page(t.Context()); err != nil || !strings.Contains(page, "Welcome to Acme") {
		t.Fatalf("%v: %s", err, page)
	}
	change := `. bin/database.inc.sh; sql "$database" -e "INSERT INTO schema_migrations (version) VALUES ('003_new')"`
	if _, err := w.Exec(t.Context(), "phpfiles", nil, "bash", "-c", change); err != nil {
		t.Fatal(err)
	}
	if page, err := w.Page(t.Context()); err != nil || !strings.Contains(page, "002_orders") {
		t.Errorf("the CDN does not hold the page: %v: %s", err, page)
	}
	w.Cloudflare.Purged(PurgedZone{Name: "example.com", Everything: true})
	if page, err := w.Page(t.Context()); err != nil || !strings.Contains(page, "003_new") {
		t.Errorf("the CDN holds the page after a purge: %v: %s", err, page)
	}
}

func nothingLeft(t *testing.T, w *World) {
	t.Helper()
	for _, label := range []string{Label + "=" + w.ID, api.ProjectLabel + "=" + w.Stack} {
		filters := make(client.Filters).Add("label", label)
		containers, err := w.Engine.ContainerList(t.Context(), client.ContainerListOptions{All: true, Filters: filters})
		if err != nil || len(containers.Items) > 0 {
			t.Errorf("containers are left: %v %v", containers.Items, err)
		}
		volumes, err := w.Engine.VolumeList(t.Context(), client.VolumeListOptions{Filters: filters})
		if err != nil || len(volumes.Items) > 0 {
			t.Errorf("volumes are left: %v %v", volumes.Items, err)
		}
		networks, err := w.Engine.NetworkList(t.Context(), client.NetworkListOptions{Filters: filters})
		if err != nil || len(networks.Items) > 0 {
			t.Errorf("networks are left: %v %v", networks.Items, err)
		}
	}
	if _, err := w.Engine.ImageInspect(t.Context(), w.image("php")); err == nil {
		t.Errorf("image %s is left", w.image("php"))
	}
}

func TestProductScriptsCanBeRun(t *testing.T) {
	product, err := productDirectory()
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range []string{"migrate.sh", "backup.sh", "smoke.sh", "reset-db.sh", "health.sh", "revision.sh"} {
		info, err := os.Stat(product + "/bin/" + script)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s can't be run: %v", script, err)
		}
	}
}
