package gitflow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hotfix/internal/flow"
)

// facts is a report that keeps what it is told.
type facts struct {
	mu   sync.Mutex
	text bytes.Buffer
	have map[string]string
}

func (f *facts) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text.Write(p)
}
func (f *facts) Progress(string, int64, int64) {}
func (f *facts) Fact(name, value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.have == nil {
		f.have = map[string]string{}
	}
	f.have[name] = value
}

// plan plans, with nothing to do being no actions.
func plan(p flow.Phase) (actions []flow.Action, why string, err error) {
	actions, err = p.Plan(context.Background())
	if why, ok := flow.NothingToDo(err); ok {
		return nil, why, nil
	}
	return actions, "", err
}

// do plans and does.
func do(p flow.Phase) (*facts, error) {
	report := &facts{}
	actions, _, err := plan(p)
	for _, a := range actions {
		if err == nil {
			err = a.Do(context.Background(), report)
		}
	}
	return report, err
}

func mustRun(t *testing.T, p flow.Phase) *facts {
	t.Helper()
	report, err := do(p)
	if err != nil {
		t.Fatalf("%s: %v", p.Name(), err)
	}
	return report
}

// mustRest fails unless there is nothing to do, and returns why.
func mustRest(t *testing.T, p flow.Phase) string {
	t.Helper()
	actions, why, err := plan(p)
	if err != nil || len(actions) > 0 || why == "" {
		t.Fatalf("%s: want nothing to do, and why; got %v, %q, %v", p.Name(), whats(actions), why, err)
	}
	return why
}

func whats(actions []flow.Action) []string {
	var all []string
	for _, a := range actions {
		all = append(all, a.What)
	}
	return all
}

// mustRefuse fails unless planning is refused with these words, in the error and in its hints.
func mustRefuse(t *testing.T, p flow.Phase, words, hint string) error {
	t.Helper()
	actions, err := p.Plan(context.Background())
	if err == nil {
		t.Fatalf("%s: want an error with %q, got %v", p.Name(), words, whats(actions))
	}
	if !strings.Contains(err.Error(), words) || !strings.Contains(strings.Join(flow.Hints(err), "\n"), hint) {
		t.Fatalf("want %q with hint %q, got %q with hints %q", words, hint, err, flow.Hints(err))
	}
	return err
}

// snapshot is everything below dir, byte for byte.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return errors.Join(err, nil)
		}
		content, err := os.ReadFile(path)
		files[path] = fmt.Sprintf("%x", sha256.Sum256(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// mustKeep fails unless what dir holds stays the same, byte for byte, while f runs.
func mustKeep(t *testing.T, dir string, f func()) {
	t.Helper()
	before := snapshot(t, dir)
	f()
	after := snapshot(t, dir)
	for path := range after {
		if before[path] != after[path] {
			t.Errorf("%s was changed", path)
		}
		delete(before, path)
	}
	for path := range before {
		t.Errorf("%s is gone", path)
	}
}
