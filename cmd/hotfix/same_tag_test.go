package main

import (
	"slices"
	"testing"
	"time"

	"hotfix/internal/cloud"
	"hotfix/internal/flow"
)

// One tag that hides two digests is told of, and no other.
func TestHidden(t *testing.T) {
	const a, b = "sha256:aaaaaaaaaaaa0000", "sha256:bbbbbbbbbbbb0000"
	services := []cloud.Service{{Name: "phpfiles", Repository: "r/php", Tag: "t", Digest: b}, {Name: "phpha", Repository: "r/php", Tag: "t", Digest: a},
		{Name: "worker", Repository: "r/php", Tag: "other", Digest: a}, {Name: "web", Repository: "r/nginx", Tag: "t", Digest: a}}
	want := []string{"r/php:t hides 2 images: phpfiles on sha256:bbbbbbbbbbbb; phpha on sha256:aaaaaaaaaaaa"}
	if got := hidden(services); !slices.Equal(got, want) {
		t.Errorf("got %q, not %q", got, want)
	}
}

// What an unfinished hotfix goes back to is needed; what a finished one went from is not.
func TestUnfinished(t *testing.T) {
	baseline := func(version string) flow.Entry {
		return flow.Entry{Kind: flow.Baseline, Version: version, Time: time.Unix(1, 0)}
	}
	all := []flow.Entry{baseline("16.03.1b"), baseline("16.03.1c"), baseline("16.03.1d"),
		{Kind: flow.Ended, Command: "finish", Version: "16.03.1b", Facts: map[string]string{"outcome": "done"}},
		{Kind: flow.Ended, Command: "finish", Version: "16.03.1c", Facts: map[string]string{"outcome": "failed"}}}
	var left []string
	for _, e := range unfinished(all) {
		if e.Kind == flow.Baseline {
			left = append(left, e.Version)
		}
	}
	if !slices.Equal(left, []string{"16.03.1c", "16.03.1d"}) {
		t.Errorf("left are %v", left)
	}
}
