package build

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"hotfix/internal/sandbox"
)

func TestVisit(t *testing.T) {
	t.Parallel()
	tries := 0
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tries++
		switch r.URL.Path {
		case "/starting":
			if tries < 3 {
				w.WriteHeader(http.StatusBadGateway)
			}
		case "/moved":
			http.Redirect(w, r, "https://www.example.com/", http.StatusFound)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		default:
			fmt.Fprint(w, "schema 2\n", strings.Repeat("long ", 100))
		}
	}))
	defer site.Close()
	for path, c := range map[string]struct {
		check  Check
		wanted string // of the finding, or of the problem
		fails  bool
	}{
		"/starting": {wanted: "200 in "},
		"/moved":    {wanted: "status 302 to https://www.example.com/, not 200", fails: true},
		"/missing":  {check: Check{Status: http.StatusNotFound}, wanted: "404 in "},
		"/":         {check: Check{Contains: "schema 3"}, wanted: `does not contain "schema 3": schema 2 long`, fails: true},
	} {
		tries = 0
		c.check.HTTP = site.URL + path
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		found, err := visit(ctx, c.check)
		cancel()
		if c.fails != (err != nil) || !strings.Contains(fmt.Sprint(found, err), c.wanted) {
			t.Errorf("%s: %q, %v", path, found, err)
		}
	}
	site.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := visit(ctx, Check{HTTP: site.URL}); err == nil || !strings.Contains(err.Error(), "no answer") {
		t.Errorf("nobody there: %v", err)
	}
}

// Where the copy can't be removed, a container empties it.
func TestEmptyTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "var/cache/deep/.file", "")
	if err := emptyTree(t.Context(), sandbox.Engine(t), dir, sandbox.Base(t)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}
