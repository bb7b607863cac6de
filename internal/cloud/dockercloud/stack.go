// Package dockercloud patches a stack on Docker Cloud through its v1 API. A service there follows its tag, so the tag
// is moved before it is redeployed. What the API does not tell is proven inside: which image runs, and how a command
// has ended.
package dockercloud

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/v1"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// Where Docker Cloud was.
const (
	defaultREST   = "https://cloud.docker.com"
	defaultStream = "wss://ws.cloud.docker.com"
)

// Config is what a stack is reached with.
type Config struct {
	Login        Login
	Namespace    string // empty: the user's own
	REST, Stream string // scheme and host; empty: Docker Cloud's
	// Candidates are the digests that a repository's tag may have had: one of them is what runs.
	Candidates func(ctx context.Context, repository, tag string) ([]string, error)
	// Digest is what a reference names now.
	Digest func(ctx context.Context, ref string) (string, error)
	// Image reads an image from its registry.
	Image func(ctx context.Context, ref string) (v1.Image, error)
	// Files returns the SHA-256 of every file of an image, by path, and which of them its topmost layer brought.
	Files func(image v1.Image) (sums map[string]string, top []string, err error)
	// Migrates is the service that jobs run in.
	Migrates string
	// Every is the time between two looks, Answer how long one request may take; 0: 2 s and 30 s.
	Every, Answer time.Duration
}

// Stack is one stack on Docker Cloud.
type Stack struct {
	*api
	name  string
	proof *proofs
}

var _ cloud.Stack = (*Stack)(nil)

// New returns the stack of this name.
func New(name string, config Config) *Stack {
	config.REST = strings.TrimRight(cmp.Or(config.REST, defaultREST), "/")
	config.Stream = strings.TrimRight(cmp.Or(config.Stream, defaultStream), "/")
	config.Every = cmp.Or(config.Every, 2*time.Second)
	config.Answer = cmp.Or(config.Answer, 30*time.Second)
	a := &api{Config: config, web: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	return &Stack{api: a, name: name, proof: &proofs{known: map[string]string{}, files: map[string]holds{}}}
}

// Traits are what cloud.TraitsOf finds.
func (s *Stack) Traits() cloud.Traits { return cloud.Traits{FollowsTags: true, RunsInside: true} }

// Place implements cloud.Stack.
func (s *Stack) Place() string {
	where := "Docker Cloud stack " + s.name
	if s.Namespace != "" {
		where += " of " + s.Namespace
	}
	return where + " at " + s.REST
}

// stack finds the stack by its name.
func (s *Stack) stack(ctx context.Context) (object, error) {
	found, err := list[object](ctx, s.api, "stack", url.Values{"name": {s.name}})
	if err != nil {
		return object{}, err
	}
	found = slices.DeleteFunc(found, func(o object) bool { return o.Name != s.name })
	switch len(found) {
	case 0:
		return object{}, flow.Refuse(fmt.Errorf("there is no %s", s.Place()), "correct the stack's `name` in hotfix.yml, or DOCKERCLOUD_NAMESPACE")
	case 1:
		return found[0], nil
	}
	return object{}, flow.Refuse(fmt.Errorf("%d stacks have the name of %s", len(found), s.Place()), "terminate or rename those that are not meant")
}
