package build

import (
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/flow"
)

// deploy makes what was built the deployed image, of this Dockerfile and these rules.
func (i *Images) deploy(t *testing.T) {
	t.Helper()
	deployed := cachedImage(t, i)
	i.Deployed = func(context.Context, string) (v1.Image, error) { return deployed, nil }
	i.Cache.Deployed = i.Deployed
	i.Baseline = func(context.Context) (string, error) { return commit, nil }
	before := past{}
	for _, name := range []string{".stack.php.Dockerfile", ".stack.php.dockerignore"} {
		text, err := os.ReadFile(filepath.Join(i.Directory.Path, name))
		must(t, err)
		before[name] = string(text)
	}
	i.History, i.Contents = before, Contents{t.TempDir()}
}

// tidy is what sync does at its end.
func (i *Images) tidy(t *testing.T) {
	t.Helper()
	_, err := i.Directory.normalise(t.Context())
	must(t, err)
	stampAs(t, i)
}

// On the real engine, a patched image is what a full build of the same directory is, for every kind of change.
func TestPatchEqualsFullBuild(t *testing.T) {
	i := newImages(t)
	dir := i.Directory.Path
	for _, name := range []string{"gone/deep/a", "gone/b", "turned/a", "file", "run.sh", "config/app.php", "moved"} {
		write(t, dir, name, name)
	}
	i.tidy(t)
	must(t, act(t, i, &told{}))
	i.deploy(t)
	for n, commit := range []func(){
		func() { write(t, dir, "index.php", "<?php // 2\n") },
		func() {
			must(t, os.RemoveAll(filepath.Join(dir, "gone")))
			must(t, os.RemoveAll(filepath.Join(dir, "turned")))
			write(t, dir, "turned", "a file now")
			must(t, os.Remove(filepath.Join(dir, "file")))
			write(t, dir, "file/is/a/directory", "now")
		},
		func() {
			must(t, os.Chmod(filepath.Join(dir, "run.sh"), 0o755))
			must(t, os.Rename(filepath.Join(dir, "moved"), filepath.Join(dir, "Über uns\n.php")))
			must(t, os.Remove(filepath.Join(dir, "turned")))
			must(t, os.Symlink("/nowhere", filepath.Join(dir, "turned")))
			must(t, os.MkdirAll(filepath.Join(dir, "empty/empty"), 0o755))
			write(t, dir, "ignored.md", "never")
		},
	} {
		commit()
		i.Commit = strings.Repeat(string(rune('b'+n)), 40)
		i.tidy(t)
		t.Cleanup(func() { removeImages(t, i.Engine, localTag("php", i.Commit)) })
		start, report := time.Now(), &told{}
		if err := act(t, i, report); err != nil {
			t.Fatalf("%v\n%s", err, report)
		}
		t.Logf("patched in %.2f s\n%s", time.Since(start).Seconds(), report)
		image := cachedImage(t, i)
		full := *i
		full.Full, full.Cache.Dir = true, t.TempDir()
		must(t, act(t, full, &told{}))
		built, err := full.Cache.Image(t.Context(), "php", i.Commit)
		must(t, err)
		if same, err := i.Contents.Same(image, built); err != nil || !same {
			t.Errorf("commit %d: %v, %v: %s", n, same, err, firstDifference(filesOf(t, image), filesOf(t, built)))
		}
		if got, want := len(manifestOf(t, image).Layers), len(manifestOf(t, built).Layers)+1; got != want {
			t.Errorf("commit %d: %d layers, not %d", n, got, want)
		}
		if words := report.String(); !strings.Contains(words, "loaded into the engine") || !strings.Contains(words, "the layers that it lacked") {
			t.Errorf("it was not tried: %s", words)
		}
		i.Deployed = func(context.Context, string) (v1.Image, error) { return image, nil }
		i.Cache.Deployed = i.Deployed
	}
}

// The plan says which road it will be, and why.
func TestPatchPlan(t *testing.T) {
	p := newPatching(t)
	must(t, os.MkdirAll(filepath.Join(p.Directory.Path, ".git/hotfix"), 0o755))
	write(t, p.Directory.Path, "index.php", "<?php // 2\n")
	p.resync(t)
	p.History.(past)["changed"] = "index.php"
	actions, err := p.Plan(t.Context())
	if err != nil || len(actions) != 1 || actions[0].What != "patch registry.example.com/acme/php:t" || !slices.Contains(actions[0].Details, "M /app/index.php") {
		t.Errorf("planned %+v, %v", actions, err)
	}
	p.dockerfile("FROM base\nRUN true\n")
	p.resync(t)
	actions, err = p.Plan(t.Context())
	if err != nil || len(actions) != 1 || !strings.HasPrefix(actions[0].Details[0], "full build: the Dockerfile has RUN at line 2") {
		t.Errorf("planned %+v, %v", actions, err)
	}
}

// The same content gives the same digest from another directory with other times.
func TestPatchDigestIsOfTheContent(t *testing.T) {
	one, other := newPatching(t), newPatching(t)
	other.deployed = one.deployed
	for _, p := range []*patching{one, other} {
		write(t, p.Directory.Path, "index.php", "<?php // 2\n")
		write(t, p.Directory.Path, "lib/new.php", "new")
	}
	must(t, os.Chtimes(filepath.Join(other.Directory.Path, "index.php"), time.Unix(1, 0), time.Unix(1, 0)))
	if a, b := imageDigest(t, one.make()), imageDigest(t, other.make()); a != b {
		t.Errorf("%s and %s", a, b)
	}
	image := one.make()
	config := one.config(image)
	if config.Config.Labels["theirs"] != "kept" || config.Config.Labels[LabelRevision] != commit || config.Config.Labels[LabelBase] != imageDigest(t, one.deployed) {
		t.Errorf("its labels are %v", config.Config.Labels)
	}
}

// The first hotfix of an image from a dirty directory: its modes stay, and what no commit explains is listed.
func TestPatchOfForeignImage(t *testing.T) {
	p := newPatching(t)
	dir := p.Directory.Path
	for _, name := range []string{"index.php", "lib/a.php", "lib/dirty.php", "debug.php", "vendor/autoload.php"} {
		write(t, dir, name, "old")
		must(t, os.Chmod(filepath.Join(dir, name), 0o664))
	}
	must(t, os.Chmod(filepath.Join(dir, "lib"), 0o775))
	p.deployed = p.full()
	for _, name := range []string{"index.php", "lib/dirty.php", "vendor/autoload.php"} {
		write(t, dir, name, "new")
	}
	must(t, os.Remove(filepath.Join(dir, "debug.php")))
	write(t, dir, "missing.php", "new")
	write(t, dir, "REVISION", "made by a prepare command: the commit does not have it")
	_, err := p.Directory.normalise(t.Context())
	must(t, err)
	p.resync(t)
	p.History, p.Prepared = past{"Dockerfile": plainDockerfile, "changed": "index.php",
		"lib/dirty.php": "new", "missing.php": "new"}, []string{"vendor/"}
	actions, err := p.Plan(t.Context())
	must(t, err)
	details := strings.Join(actions[0].Details, "\n")
	if !strings.Contains(actions[0].What, "no commit explains 3 of its changes") ||
		!strings.HasSuffix(details, "goes:\nA missing.php\nD debug.php\nM lib/dirty.php") || strings.Contains(details, "a.php") {
		t.Errorf("planned %s\n%s", actions[0].What, details)
	}
	if !strings.Contains(actions[0].Asks, "undoes what no commit explains in 3 files") {
		t.Errorf("it asks %q", actions[0].Asks)
	}
	p.deployed = p.make()
	found := filesOf(t, p.deployed)
	if found["app/lib"].Mode != 0o775 || found["app/lib/a.php"].Mode != 0o664 || found["app/index.php"].Mode != 0o644 || found["app"].UID != 33 {
		t.Errorf("the modes are %o, %o and %o", found["app/lib"].Mode, found["app/lib/a.php"].Mode, found["app/index.php"].Mode)
	}
	write(t, dir, "index.php", "newer") // the next hotfix is of the patched image: nothing foreign is left in that
	p.resync(t)
	p.Version = "16.03.1c"
	next, err := p.patched(t.Context(), p.spec, t.TempDir())
	if err != nil || len(next.foreign) > 0 || affected(next.recent) != 1 || affected(next.changes) != 6 {
		t.Errorf("the next is %v, %v, %v", next.foreign, next.recent, err)
	}
}

// What rsync does not let through is in no patch; rules that have changed are no patch.
func TestPatchOfWhatRsyncLetsThrough(t *testing.T) {
	if _, err := exec.LookPath("rsync"); err != nil {
		t.Skip("SKIPPED, NOT TESTED: there is no rsync")
	}
	const rules = "- /rules\n- *.md\n- /notes/\n"
	p := newPatching(t)
	dir := p.Directory.Path
	p.spec.Filter, p.History = "rules", past{"Dockerfile": plainDockerfile, "rules": rules, "changed": "index.php lib/new.php"}
	for _, name := range []string{"rules", "lib/new.php", "lib/new.md", "notes/x.php"} {
		write(t, dir, name, rules)
	}
	write(t, dir, "index.php", "<?php // 2\n")
	image := p.make()
	found := filesOf(t, image)
	for name, want := range map[string]bool{"app/lib/new.php": true, "app/lib/new.md": false, "app/notes": false, "app/rules": false, "app/Dockerfile": true} {
		if _, ok := found[name]; ok != want {
			t.Errorf("%s is in the image: %t", name, ok)
		}
	}
	if want := sha256.Sum256([]byte("<?php // 2\n")); found["app/index.php"].Sum != want {
		t.Error("the changed file is not in the image")
	}
	write(t, dir, "rules", rules+"- *.php\n")
	if _, err := p.patched(t.Context(), p.spec, t.TempDir()); err == nil || !strings.Contains(err.Error(), "rules has changed since") {
		t.Errorf("with other rules: %v", err)
	}
}

// What looks like a secret stops an image, unless it is allowed.
func TestImageRefusesSecrets(t *testing.T) {
	p := newPatching(t)
	for name, c := range map[string]struct {
		path  string
		allow []string
		want  string
		text  string
	}{
		"a key of any name":     {"deploy/master", nil, "deploy/master", "notes\n-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n"},
		"an OpenSSH key":        {"deploy/x.txt", nil, "deploy/x.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\r\nb3Bl\n"},
		"a key that is allowed": {"test/x.pem", []string{"test"}, "", "-----BEGIN PRIVATE KEY-----\nMIIEow\n"},
		"of keys":               {"Key.php", nil, "", "<?php $a = '-----BEGIN RSA PRIVATE KEY-----';\n"},
		"a certificate":         {"x.crt", nil, "", "-----BEGIN CERTIFICATE-----\nMIIEow\n"},
		"env":                   {"deploy/.env", nil, "deploy/.env", ""},
		"secrets":               {"config/secrets.php", nil, "config/secrets.php", ""},
		"a key":                 {"id_rsa", nil, "id_rsa", ""},
		"allowed":               {"config/secrets.php", []string{"config/secrets.php"}, "", ""},
		"by pattern":            {"vendor/x/secrets.php", []string{"vendor/**"}, "", ""},
		"an example":            {".env.example", nil, "", ""},
		"a whiteout":            {"lib/.wh.x", nil, "names that begin with .wh. mean deletions", ""},
		"a folder":              {"secrets/list.php", nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			p = newPatching(t)
			text := "x"
			if c.text != "" {
				text = c.text
			}
			write(t, p.Directory.Path, c.path, text)
			p.spec.Allow = c.allow
			found, err := p.patched(t.Context(), p.spec, t.TempDir())
			must(t, err)
			draft, err := p.Cache.draft("php", p.Commit)
			must(t, err)
			_, err = p.patch(t.Context(), found, p.spec, "content", draft, flow.Silent{})
			tree, failed := p.context(t.Context(), p.spec, t.TempDir())
			must(t, failed)
			full := refuseIn(t.Context(), tree, p.spec)
			if c.want == "" && (err != nil || full != nil) {
				t.Errorf("refused: %v, %v", err, full)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || full == nil || full.Error() != err.Error()) {
				t.Errorf("got %v and %v, not %s", err, full, c.want)
			}
		})
	}
}
