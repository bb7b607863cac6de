package build

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Old commits' images go from the cache and the engine, but those of hotfixes that are not finished.
func TestPruneImages(t *testing.T) {
	i := newImages(t)
	var commits []string
	for n := range 4 {
		i.Commit = strings.Repeat(string(rune('a'+n)), 40)
		commits = append(commits, i.Commit)
		i.resync(t)
		t.Cleanup(func() { removeImages(t, i.Engine, localTag("php", commits[n])) })
		if n == 0 { // one is really built; of the others there is what counts
			stampAs(t, i)
			must(t, act(t, i, &told{}))
		}
		entry := filepath.Join(i.Cache.Dir, i.Commit)
		must(t, os.MkdirAll(filepath.Join(entry, "php"), 0o755))
		must(t, os.Chtimes(entry, time.Unix(int64(n)*1000, 0), time.Unix(int64(n)*1000, 0)))
	}
	needed := map[string]string{commits[1]: "hotfix 16.03.1b is not finished"}
	p := Prune{Cache: i.Cache, Engine: i.Engine, Keep: 2, Needed: func(context.Context) (map[string]string, error) { return needed, nil }}
	actions, err := p.Plan(t.Context())
	if err != nil || len(actions) != 1 || actions[0].What != "remove the cached images of aaaaaaa" {
		t.Fatalf("planned %v, %v", actions, err)
	}
	if _, err := i.Engine.ImageInspect(t.Context(), localTag("php", commits[0])); err != nil {
		t.Fatal(err)
	}
	must(t, actions[0].Do(t.Context(), &told{}))
	if _, err := i.Engine.ImageInspect(t.Context(), localTag("php", commits[0])); err == nil {
		t.Error("the engine still has it")
	}
	if left, err := p.Cache.commits(); err != nil || strings.Join(left, " ") != strings.Join([]string{commits[3], commits[2], commits[1]}, " ") {
		t.Errorf("left are %v, %v", left, err)
	}
	if again, _ := p.Plan(t.Context()); len(again) > 0 {
		t.Errorf("planned again: %v", again)
	}
}
