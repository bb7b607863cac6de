package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"hotfix/internal/flow"
)

// sharedLog is the log as the clone in dir sees it; notes takes what it tells the user.
func sharedLog(t *testing.T, dir string) (l *SharedLog, notes *[]string) {
	t.Helper()
	r, _ := open(t, dir)
	l, notes = r.SharedLog("origin"), &[]string{}
	l.Note = func(text string) { *notes = append(*notes, text) }
	t.Cleanup(func() { // nothing is pushed once the test is over
		l.mu.Lock()
		defer l.mu.Unlock()
		l.alone = true
	})
	return l, notes
}

func appended(t *testing.T, l flow.Log, entries ...flow.Entry) {
	t.Helper()
	if err := l.Append(t.Context(), entries...); err != nil {
		t.Fatal(err)
	}
}

func sharedKeys(t *testing.T, dir string) string {
	t.Helper()
	l, _ := sharedLog(t, dir)
	entries, err := l.Entries(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, string(e.Kind)+":"+e.Key)
	}
	return strings.Join(all, " ")
}

var ended = flow.Entry{Kind: flow.Ended, Key: "end"}

// refuseRefs makes the server refuse our refs.
func refuseRefs(t *testing.T, p product, words string) (allow func()) {
	t.Helper()
	write(t, p.server(), "hooks/update", "#!/bin/sh\ncase $1 in refs/hotfix/*) echo '"+words+"' >&2; exit 1;; esac\n")
	hook := filepath.Join(p.server(), "hooks/update")
	if err := os.Chmod(hook, 0o755); err != nil {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(hook) }
}

func TestSharedLogIsSeenByColleagues(t *testing.T) {
	p := newProduct(t)
	colleague := p.again(t, "colleague")
	write(t, p.clone(), ".git/hooks/pre-push", "#!/bin/sh\nexit 1\n")
	if err := os.Chmod(filepath.Join(p.clone(), ".git/hooks/pre-push"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull) // git need not know a name
	mine, notes := sharedLog(t, p.clone())
	umlaut := flow.Entry{Kind: flow.Started, Key: "é\x00\n", Who: "zoë@laptop", Facts: map[string]string{"text": "<a>\r\n\tb"}}
	appended(t, mine, umlaut)
	appended(t, mine, entry("migrate"))
	theirs, _ := sharedLog(t, colleague)
	got, err := theirs.Entries(t.Context())
	if err != nil || len(got) != 2 || got[0].Key != umlaut.Key || got[0].Who != umlaut.Who || got[0].Facts["text"] != umlaut.Facts["text"] {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, unsure := flow.History(got).Unsure("migrate"); !unsure {
		t.Error("the colleague does not see that the migration was begun")
	}
	appended(t, theirs, flow.Entry{Kind: flow.Done, Key: "migrate"}, ended)
	appended(t, mine, flow.Entry{Kind: flow.Done, Key: "mine"}, flow.Entry{Kind: flow.Ended, Key: "mine"})
	const want = "started:é\x00\n begun:migrate done:migrate ended:end done:mine ended:mine"
	for _, dir := range []string{p.clone(), colleague, p.again(t, "third")} {
		if got := sharedKeys(t, dir); got != want {
			t.Errorf("%s sees %q", filepath.Base(dir), got)
		}
	}
	if len(*notes) > 0 {
		t.Errorf("notes: %q", *notes)
	}
}

func TestSharedLogPushesInTheBackground(t *testing.T) {
	p := newProduct(t)
	l, _ := sharedLog(t, p.clone())
	before := sh(t, p.server(), "for-each-ref", logRef)
	appended(t, l, flow.Entry{Kind: flow.Begun, Phase: "build"})
	appended(t, l, flow.Entry{Kind: flow.Done, Phase: "build"})
	waitFor(t, func() bool { return sh(t, p.server(), "for-each-ref", logRef) != before })
	if got := sh(t, p.server(), "rev-list", "--count", logRef); got != "1" {
		t.Errorf("one action took %s pushes", got)
	}
}

func TestSharedLogLosesNothing(t *testing.T) {
	p := newProduct(t)
	var group sync.WaitGroup
	for i := range 3 {
		dir := p.again(t, fmt.Sprint("clone", i))
		for j := range 2 { // two processes a clone
			l, _ := sharedLog(t, dir)
			group.Go(func() {
				for k := range 4 {
					if err := l.Append(context.Background(), entry(fmt.Sprintf("%d-%d-%d", i, j, k))); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	group.Wait()
	all := strings.Fields(sharedKeys(t, p.clone()))
	slices.Sort(all)
	if len(all) != 24 || len(slices.Compact(all)) != 24 {
		t.Errorf("%d entries: %q", len(all), all)
	}
}

func TestSharedLogRefused(t *testing.T) {
	p := newProduct(t)
	allow := refuseRefs(t, p, "no refs of your own")
	l, notes := sharedLog(t, p.clone())
	appended(t, l, entry("migrate"))
	appended(t, l, entry("again"), ended)
	if len(*notes) != 1 || !strings.Contains((*notes)[0], "no refs of your own") || !strings.Contains((*notes)[0], "only this machine can resume") {
		t.Errorf("notes: %q", *notes)
	}
	if got := sharedKeys(t, p.clone()); got != "begun:migrate begun:again ended:end" {
		t.Errorf("here: %q", got)
	}
	allow()
	l, _ = sharedLog(t, p.clone())
	appended(t, l, ended)
	if got := sharedKeys(t, p.again(t, "colleague")); got != "begun:migrate begun:again ended:end ended:end" {
		t.Errorf("once it is allowed: %q", got)
	}
}

// Without the remote nothing begins that must not happen twice; and then nobody is unsure of it.
func TestSharedLogWhenTheRemoteIsDown(t *testing.T) {
	p := newProduct(t)
	l, notes := sharedLog(t, p.clone())
	appended(t, l, entry("first"))
	if err := os.Rename(p.server(), p.server()+".away"); err != nil {
		t.Fatal(err)
	}
	err := l.Append(t.Context(), entry("migrate"))
	if err == nil || len(flow.Hints(err)) == 0 {
		t.Errorf("begun without the remote: %v", err)
	}
	appended(t, l, flow.Entry{Kind: flow.Done, Key: "first"}, ended)
	if len(*notes) == 0 {
		t.Error("nobody is told that colleagues see nothing")
	}
	if got := sharedKeys(t, p.clone()); got != "begun:first begun:migrate failed:migrate done:first ended:end" {
		t.Errorf("here: %q", got)
	}
	if err := os.Rename(p.server()+".away", p.server()); err != nil {
		t.Fatal(err)
	}
	appended(t, l, entry("migrate2"))
	if got := sharedKeys(t, p.again(t, "colleague")); got != "begun:first begun:migrate failed:migrate done:first ended:end begun:migrate2" {
		t.Errorf("once it is back: %q", got)
	}
}

func TestSharedLogComesBackAndIsChecked(t *testing.T) {
	p := newProduct(t)
	colleague := p.again(t, "colleague")
	l, _ := sharedLog(t, p.clone())
	appended(t, l, entry("a"))
	if got := sharedKeys(t, colleague); got != "begun:a" {
		t.Fatalf("got %q", got)
	}
	sh(t, p.server(), "update-ref", "-d", logRef) // the remote loses it; the colleague puts it back
	l, _ = sharedLog(t, colleague)
	appended(t, l, entry("b"))
	if got := sharedKeys(t, p.clone()); got != "begun:a begun:b" {
		t.Errorf("got %q", got)
	}
	r, _ := open(t, colleague)
	bad, err := r.record(t.Context(), sh(t, p.server(), "rev-parse", logRef), "not an entry\n")
	if err != nil {
		t.Fatal(err)
	}
	sh(t, colleague, "push", "-q", "origin", bad+":"+logRef)
	l, _ = sharedLog(t, p.clone())
	if _, err := l.Entries(t.Context()); err == nil || !strings.Contains(err.Error(), "not an entry") {
		t.Errorf("an unreadable line is read as %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Entries(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
