package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"hotfix/internal/sandbox"
)

// The oldest before-… tags go, but not those of images that are needed, nor any other tag.
func TestPruneKeepsTheLaw(t *testing.T) {
	r, s := serve(t)
	prunes(t, r, s.host+"/acme/php", func() int64 { return s.writes.Load() })
}

// The same on the real registry, which may know no way to remove a tag alone.
func TestPruneOnTheRealRegistry(t *testing.T) {
	f := newFaulty(t, sandbox.NewRegistry(t))
	repository := f.store.Host + "/acme/php"
	prunes(t, f.straight, repository, func() int64 { return 0 })
	digest := put(t, f.straight, repository, "git-commit-3209ce7")
	tag := BeforeTag("16.03.1b", digest)
	if err := f.straight.Tag(t.Context(), repository, digest, tag); err != nil {
		t.Fatal(err)
	}
	if err := f.straight.untag(t.Context(), repository, tag, digest); err != nil {
		t.Error(err)
	}
	if now, err := f.straight.Digest(t.Context(), repository+":git-commit-3209ce7"); err != nil || now != digest {
		t.Errorf("the deployed tag is %s: %v", now, err)
	}
	if now, err := f.straight.Digest(t.Context(), repository+":"+tag); err == nil {
		t.Errorf("the tag is %s", now)
	}
}

func prunes(t *testing.T, r *Registry, repository string, writes func() int64) {
	t.Helper()
	needed, kept := map[string]string{}, map[string]time.Time{}
	var tags []string
	put(t, r, repository, "git-commit-3209ce7")
	for n := range 6 {
		digest := put(t, r, repository, fmt.Sprintf("x%d", n))
		tag := BeforeTag(fmt.Sprintf("16.03.1%c", 'f'-n), digest) // the names are in another order than the times
		if err := r.Tag(t.Context(), repository, digest, tag); err != nil {
			t.Fatal(err)
		}
		if err := r.untag(t.Context(), repository, fmt.Sprintf("x%d", n), digest); err != nil {
			t.Fatal(err)
		}
		kept[repository+":"+tag] = time.Unix(int64(n)*1e6, 0)
		if n == 0 {
			needed[digest] = "it runs"
		}
		tags = append(tags, tag)
	}
	p := &Prune{Registry: r, Repositories: []string{repository, repository + "-none"}, Keep: 3, Kept: kept,
		Needed: func(context.Context) (map[string]string, error) { return needed, nil }}
	before := writes()
	actions, err := p.Plan(t.Context())
	if err != nil || len(actions) != 2 || writes() != before {
		t.Fatalf("planned %v, %v", actions, err)
	}
	if want := "remove " + repository + ":" + tags[2] + ", of 1970-01-24"; actions[0].What != want {
		t.Errorf("planned %q, not %q", actions[0].What, want)
	}
	if err := do(t, actions); err != nil {
		t.Fatal(err)
	}
	left, err := r.tags(t.Context(), repository)
	slices.Sort(left)
	want := slices.Sorted(slices.Values(append([]string{"git-commit-3209ce7", tags[0]}, tags[3:]...)))
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left are %v, not %v: %v", left, want, err)
	}
	if again, _ := p.Plan(t.Context()); len(again) > 0 {
		t.Errorf("planned again: %v", again)
	}
	p.Keep = 0
	actions, err = p.Plan(t.Context())
	if err != nil || len(actions) != 3 {
		t.Fatalf("planned %v, %v", actions, err)
	}
	for digest := range needed {
		delete(needed, digest)
	}
	digest, err := r.Digest(t.Context(), repository+":"+tags[5])
	if err != nil {
		t.Fatal(err)
	}
	needed[digest] = "phpfiles runs it"
	if err := do(t, actions); err == nil || !strings.Contains(err.Error(), "stays: phpfiles runs it") {
		t.Errorf("what is needed since: %v", err)
	}
}
