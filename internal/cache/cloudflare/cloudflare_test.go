package cloudflare

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// serve starts Cloudflare and returns a purger of its zones with this token.
func serve(t *testing.T, token func(*sandbox.Cloudflare) string, zones ...string) (*sandbox.Cloudflare, Purger) {
	t.Helper()
	c := sandbox.NewCloudflare("example.com", "example.org")
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return c, Purger{Zones: zones, BaseURL: server.URL + "/client/v4",
		Token: func(context.Context) (string, error) { return token(c), nil }}
}

func full(c *sandbox.Cloudflare) string     { return c.Token }
func readOnly(c *sandbox.Cloudflare) string { return c.ReadOnly }
func wrong(*sandbox.Cloudflare) string      { return "wrong" }

// purged are the zones of which everything was purged, by id.
func purged(c *sandbox.Cloudflare) (ids []string) {
	for _, r := range c.Requests() {
		if r.Method == "POST" && r.Status == 200 && strings.Contains(r.Body, `"purge_everything":true`) {
			ids = append(ids, strings.Split(r.Path, "/")[4])
		}
	}
	return ids
}

func TestPurgeByNameAndByID(t *testing.T) {
	c, p := serve(t, full, "example.com", sandbox.ZoneID("example.org"))
	if err := p.Purge(t.Context(), flow.Silent{}); err != nil {
		t.Fatal(err)
	}
	if want := []string{sandbox.ZoneID("example.com"), sandbox.ZoneID("example.org")}; !slices.Equal(purged(c), want) {
		t.Errorf("purged %v, want %v", purged(c), want)
	}
}

func TestProvingPurgesNothingThatAnyoneHas(t *testing.T) {
	c, p := serve(t, full, "example.com")
	for _, check := range p.Checks() {
		if _, err := check.Do(t.Context()); err != nil {
			t.Errorf("%s: %v", check.What, err)
		}
	}
	if len(purged(c)) > 0 {
		t.Errorf("the check purged %v", purged(c))
	}
}

// What Cloudflare refuses is told in its own words, with what to do; and found by the check, before any change.
func TestRefusals(t *testing.T) {
	for _, test := range []struct {
		name  string
		token func(*sandbox.Cloudflare) string
		zone  string
		says  string
		hint  string
	}{
		{"a token without the scope", readOnly, "example.com", "Authentication error (10000)", "Zone.Cache Purge"},
		{"a wrong token", wrong, "example.com", "(6003)", "Zone.Cache Purge"},
		{"an unknown zone", full, "example.net", "sees no zone named example.net", "Zone.Zone Read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, p := serve(t, test.token, test.zone)
			_, err := p.Checks()[0].Do(t.Context())
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(strings.Join(flow.Hints(err), " "), test.hint) {
				t.Errorf("the check says %v, hints %q", err, flow.Hints(err))
			}
			if err := p.Purge(t.Context(), flow.Silent{}); err == nil || len(purged(c)) > 0 {
				t.Errorf("purging: %v, purged %v", err, purged(c))
			}
		})
	}
}

func TestFaults(t *testing.T) {
	c, p := serve(t, full, "example.com")
	c.Fail(sandbox.TooMany)
	if err := p.Purge(t.Context(), flow.Silent{}); err != nil || len(purged(c)) != 1 {
		t.Errorf("429 once: %v, purged %v", err, purged(c))
	}
	c.Fail(sandbox.Refused)
	if err := p.Purge(t.Context(), flow.Silent{}); err == nil {
		t.Error("HTTP 200 with success:false was taken for a purge")
	}
	c.Fail(sandbox.BadGateway, sandbox.BadGateway, sandbox.BadGateway)
	if err := p.Purge(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("502: %v", err)
	}
}

func TestOneZoneThatFailsDoesNotKeepItFromTheOthers(t *testing.T) {
	c, p := serve(t, full, "example.net", "example.com")
	err := p.Purge(t.Context(), flow.Silent{})
	if err == nil || !strings.Contains(err.Error(), "example.net") || !slices.Equal(purged(c), []string{sandbox.ZoneID("example.com")}) {
		t.Errorf("%v, purged %v", err, purged(c))
	}
}

func TestUnreachable(t *testing.T) {
	_, p := serve(t, full, "example.com")
	p.BaseURL = "http://127.0.0.1:1/client/v4"
	if err := p.Purge(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "reaching Cloudflare") {
		t.Errorf("%v", err)
	}
	p.Token = func(context.Context) (string, error) { return "", errors.New("the vault is locked") }
	if err := p.Purge(t.Context(), flow.Silent{}); err == nil || !strings.Contains(err.Error(), "the vault is locked") {
		t.Errorf("%v", err)
	}
}
