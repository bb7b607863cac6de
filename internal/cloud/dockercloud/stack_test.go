package dockercloud_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/cloud/dockercloud"
	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

var brief = cloud.Options{Monitor: 10 * time.Millisecond, Timeout: 2 * time.Second}

// TestTheLaw: looking changes nothing; an update is one redeploy with its volumes kept; again it has nothing to do.
func TestTheLaw(t *testing.T) {
	h := newHere(t, 2)
	old, next := h.tag, h.push("new", "new")
	if s := h.service(); s.Digest != old || s.Labels["org.opencontainers.image.revision"] != "old" || s.Running != 2 || s.Healthy != 2 || s.Repository+":"+s.Tag != image {
		t.Errorf("%+v", s)
	}
	if err := h.stack.Update(t.Context(), "phpfiles", image+"@"+next, brief, flow.Silent{}); err == nil || !strings.Contains(err.Error(), "nothing was touched: phpfiles follows its tag") {
		t.Errorf("the tag does not name it yet: %v", err)
	}
	for _, r := range h.Requests() {
		if r.Method != http.MethodGet {
			t.Errorf("looking sent %s %s", r.Method, r.Path)
		}
	}
	h.tag = next
	checked := 0
	o := brief
	o.Check = func(context.Context, flow.Report) error { checked++; return nil }
	for range 2 {
		if err := h.stack.Update(t.Context(), "phpfiles", image+"@"+next, o, flow.Silent{}); err != nil {
			t.Fatal(err)
		}
		if s := h.service(); s.Digest != next || s.Containers != 2 || s.Interrupted {
			t.Errorf("%+v", s)
		}
	}
	if n, volumes := h.Redeploys("phpfiles"), h.Volumes("phpfiles"); n != 1 || volumes != 1 || checked != 2 {
		t.Errorf("%d redeploys, %d sets of volumes, %d checks", n, volumes, checked)
	}
}

// TestTheWire is how requests look: what Docker Cloud's own clients sent, and it understood.
func TestTheWire(t *testing.T) {
	h := newHere(t, 1)
	next := h.push("new", "new")
	h.tag = next
	if err := h.stack.Update(t.Context(), "phpfiles", image+"@"+next, brief, flow.Silent{}); err != nil {
		t.Fatal(err)
	}
	const id = "[0-9a-f-]{36}"
	for _, want := range []string{
		`GET /api/app/v1/deploy/stack/\?limit=100&name=acme&offset=0`,
		`GET /api/app/v1/deploy/service/\?limit=100&offset=0&stack=%2Fapi%2Fapp%2Fv1%2Fdeploy%2Fstack%2F` + id + `%2F`,
		`GET /api/app/v1/deploy/service/` + id + `/`,
		`GET /api/app/v1/deploy/container/` + id + `/`,
		`POST /api/app/v1/deploy/service/` + id + `/redeploy/\?reuse_volumes=true`,
		`GET /api/audit/v1/action/` + id + `/`, // never with a namespace
		`GET /api/app/v1/deploy/container/` + id + `/exec/\?command=sh\+-c\+.*`,
	} {
		shape := regexp.MustCompile("^" + want + "$")
		if !slices.ContainsFunc(h.Requests(), func(r sandbox.Request) bool { return shape.MatchString(r.Method + " " + r.Path) }) {
			t.Errorf("no request is %s", want)
		}
	}
	for _, r := range h.Requests() {
		if r.Body != "" || strings.Contains(r.Path, h.Key) {
			t.Errorf("%s %s says %q", r.Method, r.Path, r.Body)
		}
	}
}

func TestCredentialsAreFoundInTheDocumentedOrder(t *testing.T) {
	kept := func() (string, string, error) { return "kept", "secret", nil }
	none := func() (string, string, error) { return "", "", errors.New("no docker login") }
	all := map[string]string{"DOCKERCLOUD_AUTH": "Bearer it", "DOCKERCLOUD_USER": "u", "DOCKERCLOUD_APIKEY": "k", "DOCKERCLOUD_PASS": "p"}
	for _, test := range []struct {
		without []string
		want    string
	}{
		{nil, "Bearer it"},
		{[]string{"DOCKERCLOUD_AUTH"}, "Basic dTpr"},
		{[]string{"DOCKERCLOUD_AUTH", "DOCKERCLOUD_APIKEY"}, "Basic dTpw"},
		{[]string{"DOCKERCLOUD_AUTH", "DOCKERCLOUD_USER"}, "Basic a2VwdDpzZWNyZXQ="},
	} {
		env := func(name string) string {
			if slices.Contains(test.without, name) {
				return ""
			}
			return all[name]
		}
		if got, err := dockercloud.FindLogin(env, kept); err != nil || got.Header != test.want {
			t.Errorf("without %v: %q, want %q (%v)", test.without, got.Header, test.want, err)
		}
	}
	_, err := dockercloud.FindLogin(func(string) string { return "" }, none)
	if err == nil || !strings.Contains(strings.Join(flow.Hints(err), ""), "DOCKERCLOUD_APIKEY") {
		t.Errorf("nothing found: %v, %v", err, flow.Hints(err))
	}
}

func TestExecProvesItsEnd(t *testing.T) {
	h := newHere(t, 1)
	for _, test := range []struct {
		command []string
		exit    int
		out     string
	}{
		{[]string{"echo", `it's "here" $HOME; *`}, 0, "it's \"here\" $HOME; *\n"},
		{[]string{"sh", "-c", "echo one; echo two; exit 7"}, 7, "one\ntwo\n"},
		{[]string{"cat"}, 0, ""}, // its input has ended
		{[]string{"printf", `a\036b:0\036c`}, 0, "a\x1eb:0\x1ec"},
		{[]string{"head", "-c", "100000", "/dev/zero"}, 0, strings.Repeat("\x00", 100000)},
	} {
		for _, how := range []string{"", "raw", "fragmented"} {
			h.Knobs.Exec = how
			var out bytes.Buffer
			exit, err := h.stack.Exec(t.Context(), "phpfiles", test.command, &out)
			if err != nil || exit != test.exit || out.String() != test.out {
				t.Errorf("%q %s: exit %d, %.50q (%v)", test.command, how, exit, out.String(), err)
			}
		}
	}
}

func TestLogsNameTheirContainers(t *testing.T) {
	h := newHere(t, 2)
	var out bytes.Buffer
	if err := h.stack.Logs(t.Context(), "phpfiles", false, 10, &out); err != nil || !strings.Contains(out.String(), "phpfiles-2 | PHP Fatal error\n") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestLogsAreFollowed: what is logged later comes too, until the user has seen enough; that it ends by itself is told.
func TestLogsAreFollowed(t *testing.T) {
	h := newHere(t, 2)
	ctx, enough := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- h.stack.Logs(ctx, "phpfiles", true, 1, write) }()
	lines := bufio.NewScanner(read)
	for _, want := range []string{"PHP Fatal error", "it goes on"} {
		for _, from := range []string{"phpfiles-1", "phpfiles-2"} {
			if lines.Scan(); lines.Text() != from+" | "+want {
				t.Fatalf("%q, want %q of %s", lines.Text(), want, from)
			}
		}
		h.mu.Lock()
		h.said = "it goes on\n"
		h.mu.Unlock()
	}
	enough()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	h = newHere(t, 1)
	h.LogEnds = true
	err := h.stack.Logs(t.Context(), "phpfiles", true, 1, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "it was ended by Docker Cloud") || !slices.Contains(flow.Hints(err), "go on following it: hotfix logs -f phpfiles") {
		t.Errorf("%v, %v", err, flow.Hints(err))
	}
}
