package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"hotfix/internal/sandbox"
)

// sentinels are a world's secrets, by name.
type sentinels map[string]string

// TestSecretsStayInside: after a whole deploy of a product that prints its environment wherever it runs, no secret
// was shown, logged, pushed, or given to a child as an argument.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	secrets := sentinels{"DB_PASSWORD": strings.TrimPrefix(strings.TrimSpace(read(t, w, ".env")), "DB_PASSWORD="),
		"CLOUDFLARE_API_TOKEN": w.Cloudflare.Token, "API_KEY": "odd/key+of 100%&more=" + w.ID, "the registry's": w.Registry.Password}
	env := fmt.Sprintf("DB_PASSWORD=%s\nAPI_KEY='%s'\n", secrets["DB_PASSWORD"], secrets["API_KEY"])
	if err := os.WriteFile(filepath.Join(w.Clone, ".env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	released := layers(t, w, w.SHA, nil)
	must(t, w, exitDone, "start", "16.03.1b")
	files := text(t, w, "Patched")
	for _, script := range []string{"bin/smoke.sh", "bin/migrate.sh", "bin/revision.sh", "bin/reset-db.sh"} {
		files[script] = read(t, w, script) + tell
	}
	files["dna/db/migrations/003_patch.sql"] = "CREATE TABLE patched (id INT);\n"
	sha := patch(t, w, "Patch the page", files)

	cmd := program(t.Context(), w, "deploy", "--yes", "--confirm", w.Stack, "--json")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	commands := spied(t, cmd)
	if cmd.ProcessState.ExitCode() != exitDone {
		t.Fatalf("exit %d\n%s", cmd.ProcessState.ExitCode(), errs.String())
	}
	secrets.absent(t, "standard output", out.Bytes())
	secrets.absent(t, "standard error", errs.Bytes())
	secrets.absent(t, "an argument", []byte(commands))
	if !strings.Contains(commands, "git\x00") || !strings.Contains(commands, "bin/revision.sh\x00") {
		t.Errorf("the children were not seen: %q", commands)
	}
	for _, marker := range []string{"plain API_KEY=[secret]", "base64 [secret]", "url [secret]"} { // or there was nothing to hide
		if !strings.Contains(errs.String(), marker) {
			t.Errorf("%q was not shown:\n%s", marker, errs.String())
		}
	}
	seen := snapshot{}
	seen.files(t, kindLog, filepath.Join(w.Clone, ".git", "hotfix"), true)
	if len(seen) < 2 {
		t.Errorf("there is no log, or no transcript: %v", seen)
	}
	for name, content := range seen {
		secrets.absent(t, name, []byte(content))
	}
	for name, content := range layers(t, w, sha, released) {
		secrets.absent(t, name, []byte(content))
	}
	secrets.exported(t, w)
}

// tell prints the environment, raw and in the ways in which secrets get written; where there is no such tool,
// less of it.
const tell = `
env | sed 's/^/plain /'
for name in DB_PASSWORD API_KEY CLOUDFLARE_API_TOKEN; do
    value=$(printenv "$name" || true)
    [ -n "$value" ] || continue
    echo "base64 $(printf %s "$value" | base64 -w0)"
    echo "basic $(printf 'deploy:%s' "$value" | base64 -w0)"
    if command -v php >/dev/null; then echo "url $(php -r 'echo urlencode(getenv($argv[1]));' "$name")"; fi
done
`

// absent wants no secret in a text, in none of its forms.
func (s sentinels) absent(t *testing.T, where string, text []byte) {
	t.Helper()
	for name, secret := range s {
		forms := []string{secret, url.QueryEscape(secret), url.PathEscape(secret)}
		for shift := range 3 { // as it looks inside a longer text, too
			whole := base64.RawStdEncoding.EncodeToString([]byte(strings.Repeat("\x00", shift) + secret))
			forms = append(forms, whole[(shift*8+5)/6:(shift+len(secret))*8/6])
		}
		for _, form := range forms {
			if i := bytes.Index(text, []byte(form)); i >= 0 {
				t.Errorf("%s holds %s: …%q…", where, name, text[max(0, i-80):i])
			}
		}
	}
}

// exported: `hotfix env` leaves the secrets out; with --secrets a shell gets them as they are.
func (s sentinels) exported(t *testing.T, w *sandbox.World) {
	t.Helper()
	public := must(t, w, exitDone, "env")
	s.absent(t, "hotfix env", []byte(public.String()))
	if !strings.Contains(public.out, "export COMMITSHA=") {
		t.Errorf("hotfix env prints %s", public)
	}
	shell := program(t.Context(), w)
	shell.Path, shell.Args = "/bin/sh", []string{"sh", "-c", `eval "$(hotfix env --secrets)" && printf '%s\n' "$DB_PASSWORD" "$API_KEY" "$CLOUDFLARE_API_TOKEN"`}
	got, err := shell.CombinedOutput()
	if want := strings.Join([]string{s["DB_PASSWORD"], s["API_KEY"], s["CLOUDFLARE_API_TOKEN"], ""}, "\n"); err != nil || string(got) != want {
		t.Errorf("a shell gets %q, want %q (%v)", got, want, err)
	}
}

// layers are the manifests, configs and layers of a commit's pushed images, but for known ones.
func layers(t *testing.T, w *sandbox.World, sha string, known map[string]string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, name := range []string{"php", "nginx"} {
		image, err := w.Registry.Image(t.Context(), w.Registry.Host+"/acme/acme-web-src-"+name+":git-commit-"+sha)
		if err != nil {
			t.Fatal(err)
		}
		config, err := image.RawConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := image.RawManifest()
		if err != nil {
			t.Fatal(err)
		}
		found[name+"'s config"], found[name+"'s manifest"] = string(config), string(manifest)
		parts, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range parts {
			digest, err := layer.Digest()
			if err != nil {
				t.Fatal(err)
			}
			what := "layer " + digest.String()
			if _, ok := known[what]; ok || known == nil {
				found[what] = ""
				continue
			}
			content, err := layer.Uncompressed()
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(content)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Contains(text, []byte("app/")) {
				t.Errorf("%s of %s holds no product", what, name)
			}
			found[what] = string(text)
		}
	}
	return found
}

// spied runs a command and returns the command lines of all of its descendants that were seen.
func spied(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	seen := map[string]bool{}
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		for _, pid := range descendants(fmt.Sprint(cmd.Process.Pid)) {
			if line, err := os.ReadFile("/proc/" + pid + "/cmdline"); err == nil {
				seen[string(line)] = true
			}
		}
		select {
		case <-tick.C:
		case <-ended:
			tick.Stop()
			var all []string
			for line := range seen {
				all = append(all, line)
			}
			slices.Sort(all)
			return strings.Join(all, "\n")
		}
	}
}

func descendants(pid string) (all []string) {
	lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list) // it may have ended
		for _, child := range strings.Fields(string(text)) {
			all = append(append(all, child), descendants(child)...)
		}
	}
	return all
}
