package main

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"hotfix/internal/sandbox"
)

// TestABrokenImageIsTakenBack: an image that crashes, one that never gets healthy, and one that breaks the last
// service only, all end with the old images serving everywhere, the deployed tag where it was, and exit code 5.
func TestABrokenImageIsTakenBack(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	before := digests(t, w)
	nginx, php := read(t, w, ".stack.nginx.Dockerfile"), read(t, w, ".stack.php.Dockerfile")
	healthy := read(t, w, "bin/health.sh")
	for _, broken := range []struct {
		name   string
		files  map[string]string
		says   string
		purges int // where pages of the patch may have been cached
	}{
		{"crashes", map[string]string{".stack.php.Dockerfile": php + "ENTRYPOINT [\"false\"]\n"}, "phpfiles", 0},
		{"is unhealthy", map[string]string{".stack.php.Dockerfile": php, "public/health.php": "<?php echo 'sick';\n", "bin/health.sh": healthy + "# strict\n"}, "unhealthy", 0},
		{"breaks the last service", map[string]string{"public/health.php": "<?php echo 'ok';\n", ".stack.nginx.Dockerfile": nginx + "CMD [\"false\"]\n"}, "web", 1},
	} {
		t.Run(broken.name, func(t *testing.T) {
			patch(t, w, "A patch that "+broken.name, broken.files)
			r := must(t, w, exitRolledBack, "deploy", "--yes", "--confirm", w.Stack, "--skip", "verify", "--reason", "to see it break")
			if !strings.Contains(r.errs, "rolled back: what ran before serves") || !strings.Contains(r.errs, broken.says) {
				t.Errorf("it says\n%s", r.errs)
			}
			if !regexp.MustCompile(`failed after .*, probe .* requests, `).MatchString(r.errs) {
				t.Errorf("the receipt does not tell what users saw of it:\n%s", r.errs)
			}
			if after := digests(t, w); !maps.Equal(before, after) {
				t.Errorf("runs %v, want %v", after, before)
			}
			if tag := tagged(t, w, "php"); tag != before["phpfiles"] {
				t.Errorf("the deployed tag moved to %s", tag)
			}
			if got := purges(w); got != broken.purges {
				t.Errorf("purged %d times, want %d", got, broken.purges)
			}
			serves(t, w, "Welcome to Acme")
		})
	}
}

// purges counts how often everything was purged.
func purges(w *sandbox.World) (n int) {
	for _, request := range w.Cloudflare.Requests() {
		if strings.Contains(request.Body, "purge_everything") {
			n++
		}
	}
	return n
}

// tagged is the digest that the deployed tag of an image names.
func tagged(t *testing.T, w *sandbox.World, image string) string {
	t.Helper()
	found, err := w.Registry.Image(t.Context(), w.Registry.Host+"/acme/acme-web-src-"+image+":git-commit-"+w.SHA)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := found.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func digests(t *testing.T, w *sandbox.World) map[string]string {
	t.Helper()
	found, err := w.Digests(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return found
}
