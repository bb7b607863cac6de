package gitflow

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hotfix/internal/flow"
)

func entry(key string) flow.Entry { return flow.Entry{Kind: flow.Begun, Key: key, Version: "16.03.1b"} }

// keys are those of the log's entries.
func keys(t *testing.T, l FileLog) string {
	t.Helper()
	entries, err := l.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Key)
	}
	return strings.Join(all, " ")
}

func TestLogKeepsConcurrentAppends(t *testing.T) {
	l := FileLog{Path: filepath.Join(t.TempDir(), "hotfix", "log.jsonl")}
	if got := keys(t, l); got != "" {
		t.Errorf("before the first entry: %q", got)
	}
	if _, err := os.Stat(filepath.Dir(l.Path)); err == nil {
		t.Error("reading made a directory")
	}
	var group sync.WaitGroup
	for i := range 20 {
		group.Go(func() {
			for j := range 5 {
				if err := l.Append(t.Context(), entry(fmt.Sprintf("%d-%d", i, j)), entry(fmt.Sprintf("%d-%d'", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	all := " " + keys(t, l) + " "
	for i := range 20 {
		for j := range 5 {
			if pair := fmt.Sprintf(" %d-%d %d-%d' ", i, j, i, j); strings.Count(all, pair) != 1 {
				t.Errorf("%q is there %d times", pair, strings.Count(all, pair))
			}
		}
	}
}

func TestLogDropsATornLastLine(t *testing.T) {
	whole := `{"kind":"begun","key":"b"}`
	for cut := range len(whole) + 1 {
		l := FileLog{Path: filepath.Join(t.TempDir(), "log.jsonl")}
		if err := l.Append(t.Context(), entry("a")); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(l.Path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(whole[:cut]); err != nil {
			t.Fatal(err)
		}
		file.Close()
		want := "a"
		if cut == len(whole) { // all but the newline: nothing is missing
			want = "a b"
		}
		if got := keys(t, l); got != want {
			t.Errorf("cut at %d: read %q, want %q", cut, got, want)
		}
		if err := l.Append(t.Context(), entry("c")); err != nil {
			t.Fatal(err)
		}
		if got := keys(t, l); got != want+" c" {
			t.Errorf("cut at %d: after the next append %q, want %q", cut, got, want+" c")
		}
	}
}

func TestLogRefusesAnUnreadableLine(t *testing.T) {
	for _, bad := range []string{"garbage", "", `{"key":"b"}`, `{"kind":"begun"`} {
		l := FileLog{Path: filepath.Join(t.TempDir(), "log.jsonl")}
		if err := l.Append(t.Context(), entry("a")); err != nil {
			t.Fatal(err)
		}
		file, err := os.OpenFile(l.Path, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(file, bad)
		file.Close()
		if _, err := l.Entries(t.Context()); err == nil || !strings.Contains(err.Error(), l.Path+":2") || len(flow.Hints(err)) == 0 {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
