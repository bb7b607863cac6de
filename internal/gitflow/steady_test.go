package gitflow

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
)

// While another git commits, tags, packs refs and moves objects into packs, what is read is right all the same.
func TestReadingWhileAnotherGitWrites(t *testing.T) {
	p := patched(t)
	r, _ := open(t, p.clone())
	head := sh(t, p.clone(), "rev-parse", "HEAD")
	release := sh(t, p.clone(), "rev-parse", "16.03.1^{}")
	want := map[string]string{"refs/heads/hotfix/16.03.1a": head, "refs/tags/16.03.1": release, "refs/remotes/origin/hotfix/16.03.1a": head}

	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			branch := fmt.Sprintf("refs/heads/busy/%d", n)
			for _, args := range [][]string{{"update-ref", branch, head}, {"tag", "-a", "-m", "busy", fmt.Sprintf("busy-%d", n), head},
				{"pack-refs", "--all", "--prune"}, {"update-ref", "-d", branch}, {"repack", "-adq"}, {"prune-packed"}} {
				if _, err := r.run(ctx, args...); err != nil && ctx.Err() == nil {
					t.Errorf("the writer: %v", err)
				}
			}
		}
	})
	for range 150 {
		refs, err := r.refs(ctx)
		if err != nil {
			t.Fatal(err)
		}
		maps.DeleteFunc(refs, func(name, _ string) bool { return want[name] == "" })
		if !maps.Equal(refs, want) {
			t.Fatalf("refs: %v, want %v", refs, want)
		}
		content, err1 := r.file(ctx, head, "app.txt")
		ids, err2 := r.abbreviated(ctx, head[:8])
		paths, err3 := r.changed(ctx, release, head)
		if err := errors.Join(err1, err2, err3); err != nil || !strings.Contains(string(content), "PATCHED") ||
			len(ids) != 1 || len(paths) != 1 {
			t.Fatalf("read %q %v %v: %v", content, ids, paths, err)
		}
	}
	stop()
	writer.Wait()
}
