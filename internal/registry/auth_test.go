package registry

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	fake "github.com/google/go-containerregistry/pkg/registry"

	"hotfix/internal/flow"
)

// A credential helper is asked as docker asks it.
func TestCredentialHelper(t *testing.T) {
	r, s := serve(t)
	dir := t.TempDir()
	config, err := json.Marshal(map[string]any{"credHelpers": map[string]string{s.host: "vault"}})
	if err != nil {
		t.Fatal(err)
	}
	helper := fmt.Sprintf("#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = %s ] && echo '{\"Username\":\"deploy\",\"Secret\":\"s3cret\"}'\n", s.host)
	for name, text := range map[string]string{"config.json": string(config), "docker-credential-vault": helper} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("DOCKER_CONFIG", dir)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	helped := &Registry{keychain: authn.DefaultKeychain, transport: r.transport, backoff: quick}
	if found, err := helped.CheckPush(t.Context(), s.host+"/acme/php"); err != nil || found != "allowed as deploy" {
		t.Errorf("%q, %v", found, err)
	}
	put(t, helped, s.host+"/acme/php", "x")
}

// A registry with a token server: the password goes there alone, and each token is for what is done with it.
func TestTokenServer(t *testing.T) {
	inner := fake.New(fake.Logger(log.New(io.Discard, "", 0)))
	var scopes []string
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, basic := r.BasicAuth()
		switch {
		case r.URL.Path == "/token" && user == "deploy" && password == "s3cret":
			scopes = append(scopes, r.URL.Query()["scope"]...)
			_, _ = io.WriteString(w, `{"token":"t0ken","expires_in":300}`)
		case r.URL.Path == "/token":
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		case basic:
			t.Errorf("the registry was sent the password: %s", r.URL)
		case r.Header.Get("Authorization") != "Bearer t0ken":
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+server.URL+`/token",service="registry"`)
			http.Error(w, `{"errors":[{"code":"UNAUTHORIZED"}]}`, http.StatusUnauthorized)
		default:
			inner.ServeHTTP(w, r)
		}
	}))
	defer server.Close()
	repository := strings.TrimPrefix(server.URL, "http://") + "/acme/php"
	digest := put(t, &Registry{keychain: login{"deploy", "s3cret"}, transport: newTransport(nil), backoff: quick}, repository, "x")
	if !strings.Contains(strings.Join(scopes, " "), "repository:acme/php:push,pull") {
		t.Errorf("the scopes are %v", scopes)
	}
	wrong := &Registry{keychain: login{"deploy", "wrong"}, transport: newTransport(nil), backoff: quick}
	if _, err := wrong.Digest(t.Context(), repository+"@"+digest); err == nil || len(flow.Hints(err)) == 0 || !strings.HasPrefix(flow.Hints(err)[0], "docker login") {
		t.Errorf("a wrong password: %v", err)
	}
}
