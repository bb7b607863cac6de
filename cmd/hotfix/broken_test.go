package main

import (
	"maps"
	"os"
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

// TestWhatACanaryWasLikeIsKept: one that passes its check, and no longer when it is to be accepted. Before it is taken
// back, what it logged is kept on this machine, and how it was is on the record, with the reason.
func TestWhatACanaryWasLikeIsKept(t *testing.T) {
	t.Parallel()
	w := sandbox.Start(t)
	must(t, w, exitDone, "start", "16.03.1b")
	patch(t, w, "Patch the page", map[string]string{
		".stack.php.Dockerfile": read(t, w, ".stack.php.Dockerfile") + "CMD [\"sh\", \"-c\", \"echo the canary sings; exec php-fpm --nodaemonize\"]\n",
		"hotfix.yml":            strings.Replace(read(t, w, "hotfix.yml"), "checks: [{ run: [bin/smoke.sh]", "checks: [{ run: [mkdir, /tmp/once]", 1),
	})
	r := must(t, w, exitRolledBack, "deploy", "--yes", "--confirm", w.Stack, "--skip", "verify", "--reason", "to see it break")
	const why, was = "check mkdir /tmp/once in phpfiles: exit status 1", "phpfiles was 1 of 1 running, 1 healthy for "
	if !strings.Contains(r.errs, why) || !regexp.MustCompile(`(?m)^ *restore .* `+was).MatchString(r.errs) {
		t.Errorf("it says\n%s", r.errs)
	}
	_, file, _ := strings.Cut(r.errs, "what it printed: ")
	file, _, _ = strings.Cut(file, "\n")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), "  | the canary sings\n") || !strings.Contains(string(text), why) {
		t.Errorf("%v: what it printed is\n%s", err, text)
	}
	told := must(t, w, exitDone, "history", "16.03.1b")
	if !strings.Contains(told.out, why) || !strings.Contains(told.out, strings.Replace(was, "was ", "was: ", 1)) || strings.Contains(told.out, "sings") {
		t.Errorf("the record says\n%s", told)
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
