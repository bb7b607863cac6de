package sandbox

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCloudflareAnswersAsTheRealOneDoes(t *testing.T) {
	c := NewCloudflare("example.com", "example.org")
	purge := "/client/v4/zones/" + ZoneID("example.com") + "/purge_cache"
	for _, try := range []struct {
		name, token, method, path, body string
		status, code                    int
		result                          string
	}{
		{"a zone by name", c.Token, "GET", "/client/v4/zones?name=example.com", "", 200, 0, `"name":"example.com"`},
		{"no such name is an empty list", c.Token, "GET", "/client/v4/zones?name=example.net", "", 200, 0, `"result":[]`},
		{"a zone by id", c.ReadOnly, "GET", "/client/v4/zones/" + ZoneID("example.org"), "", 200, 0, `"name":"example.org"`},
		{"a zone that is not there", c.Token, "GET", "/client/v4/zones/" + ZoneID("example.net"), "", 404, 1001, ""},
		{"a name for an id", c.Token, "GET", "/client/v4/zones/example.com", "", 404, 7003, ""},
		{"purge", c.Token, "POST", purge, `{"purge_everything":true}`, 200, 0, ZoneID("example.com")},
		{"purge nothing", c.Token, "POST", purge, `{}`, 400, 1012, ""},
		{"purge with DELETE", c.Token, "DELETE", purge, `{"purge_everything":true}`, 404, 7003, ""},
		{"no token", "", "GET", "/client/v4/zones", "", 400, 9106, ""},
		{"a malformed token", "short", "GET", "/client/v4/zones", "", 400, 6003, "6111"},
		{"another's token", strings.Repeat("x", 40), "GET", "/client/v4/zones", "", 403, 10000, ""},
		{"a token without the scope", c.ReadOnly, "POST", purge, `{"purge_everything":true}`, 403, 10000, ""},
	} {
		status, body := ask(t, c, try.token, try.method, try.path, try.body)
		if code := firstCode(t, body); status != try.status || code != try.code || !strings.Contains(body, try.result) {
			t.Errorf("%s: %d %s, want %d with code %d and %s", try.name, status, body, try.status, try.code, try.result)
		}
	}
}

func TestCloudflareFailsOnRequestAndRemembers(t *testing.T) {
	c := NewCloudflare("example.com")
	var purged []PurgedZone
	c.Purged = func(z PurgedZone) { purged = append(purged, z) }
	c.Fail(TooMany, Refused, BadGateway)
	for _, want := range []int{429, 200, 502, 200} {
		status, body := ask(t, c, c.Token, "POST", "/client/v4/zones/"+ZoneID("example.com")+"/purge_cache", `{"files":["https://example.com/"]}`)
		if status != want {
			t.Errorf("got %d %s, want %d", status, body, want)
		}
	}
	if len(purged) != 1 || purged[0].Everything || purged[0].Files[0] != "https://example.com/" {
		t.Errorf("purged %+v", purged)
	}
	if got := c.Requests(); len(got) != 4 || got[3].Method != "POST" || got[3].Status != 200 || !strings.Contains(got[3].Body, "files") {
		t.Errorf("remembered %+v", got)
	}
}

func ask(t *testing.T, c *Cloudflare, token, method, path, body string) (int, string) {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, request)
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
	return w.Code, string(text)
}

func firstCode(t *testing.T, body string) int {
	t.Helper()
	var got answer
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("not an envelope: %s", body)
	}
	if got.Success != (len(got.Errors) == 0) {
		t.Errorf("success and errors disagree: %s", body)
	}
	if len(got.Errors) == 0 {
		return 0
	}
	return got.Errors[0].Code
}
