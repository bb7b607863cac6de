package gitflow

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"hotfix/internal/flow"
)

// logRef holds the log on the remote, and a copy of it here: a chain of commits whose messages are its entries.
const logRef = "refs/hotfix/log"

// SharedLog is the log that everyone who patches the project reads and writes. What this clone appends is on its disk
// first; the remote gets it a moment later, in the background, or at once where that matters.
type SharedLog struct {
	Note func(text string) // tells the user; nil tells nobody

	file   FileLog
	repo   *Repository
	quiet  *Repository // in the background nobody is asked for a password
	remote string

	mu     sync.Mutex
	asked  bool   // the remote was asked what it has
	down   error  // and did not answer
	tip    string // of the chain, as last seen on the remote
	copied string // what the copy here is at
	loaded string // the tip that chain ends at
	chain  []line
	shared map[string]bool // the chain's lines
	later  *time.Timer     // a push in the background
	alone  bool            // the remote does not take it
	untold string          // a note, until somebody can hear it
}

var _ flow.Log = (*SharedLog)(nil)

// SharedLog is the project's log, shared through a remote.
func (r *Repository) SharedLog(remote string) *SharedLog {
	quiet := *r
	quiet.git.Interactive = false
	return &SharedLog{file: r.Log(), repo: r, quiet: &quiet, remote: remote, shared: map[string]bool{}}
}

// Append returns once the entries are on the disk, and those that a colleague must not miss on the remote, too. The
// begin of what must not happen twice fails where the remote can't be told; where it takes no log at all, that is
// said, and the log is this clone's.
func (l *SharedLog) Append(ctx context.Context, entries ...flow.Entry) error {
	if err := l.file.Append(ctx, entries...); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.tell()
	var urgent, needed bool
	for _, e := range entries {
		needed = needed || e.Kind == flow.Begun && e.Key != ""
		urgent = urgent || needed || e.Kind == flow.Baseline || e.Kind == flow.Ended
	}
	if !urgent {
		l.soon()
		return nil
	}
	err := l.share(ctx, l.repo)
	if err == nil || !needed {
		l.missed(err)
		return nil
	}
	return errors.Join(err, l.unbegin(entries))
}

// unbegin writes down that nothing was begun after all, so that nobody is unsure of it.
func (l *SharedLog) unbegin(entries []flow.Entry) error {
	var ends []flow.Entry
	for _, e := range entries {
		if e.Kind == flow.Begun {
			e.Kind, e.Error = flow.Failed, "not begun: the remote could not be told"
			ends = append(ends, e)
		}
	}
	return l.file.Append(context.Background(), ends...)
}

// Entries returns everybody's entries, oldest first; this clone's that the remote has not got yet come last. Where
// the remote does not answer, they are what was known here.
func (l *SharedLog) Entries(ctx context.Context) ([]flow.Entry, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.tell()
	if err := l.read(ctx, l.repo); err != nil {
		return nil, err
	}
	own, err := l.unshared(ctx)
	return append(entriesOf(l.chain), entriesOf(own)...), err
}

// Refresh makes the next Entries ask the remote again.
func (l *SharedLog) Refresh() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = false
}

// read fetches the remote's chain, once, or reads what was fetched before.
func (l *SharedLog) read(ctx context.Context, repo *Repository) error {
	if l.asked {
		return nil
	}
	there, err := l.fetch(ctx, repo)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && l.down == nil {
		l.untold = fmt.Sprintf("what others did lately is not known: %v", err)
	}
	// Where the remote has lost it, or never had one, ours is put there.
	if err := l.load(ctx, repo, first(there, l.copied)); err != nil {
		return err
	}
	l.keep(ctx, repo, there)
	l.tip, l.asked, l.down = there, true, err
	return nil
}

// fetch brings the remote's chain here, and returns where that ends.
func (l *SharedLog) fetch(ctx context.Context, repo *Repository) (tip string, err error) {
	var group errgroup.Group
	if l.copied == "" {
		group.Go(func() error {
			l.copied = repo.localRef(ctx, logRef)
			return nil
		})
	}
	refs, err := repo.listen(ctx, l.remote)
	tip = refs[logRef]
	if _ = group.Wait(); err != nil || tip == "" || tip == l.copied {
		return tip, err
	}
	return repo.take(ctx, l.remote, logRef, tip)
}

// load reads the chain that ends at tip, unless that is the one that was read.
func (l *SharedLog) load(ctx context.Context, repo *Repository, tip string) error {
	if tip == "" || tip == l.loaded {
		return nil
	}
	messages, err := repo.messages(ctx, tip)
	if err != nil {
		return err
	}
	chain, err := parse(l.remote+" "+logRef, []byte(joined(messages)))
	if err != nil {
		return err
	}
	l.loaded, l.chain, l.shared = tip, chain, map[string]bool{}
	for _, line := range chain {
		l.shared[line.text] = true
	}
	return nil
}

// keep lets the copy here follow the remote's chain, and keeps it from git gc. Where another run does so at this
// very moment, it is left to that.
func (l *SharedLog) keep(ctx context.Context, repo *Repository, tip string) {
	if tip == "" || tip == l.copied {
		return
	}
	if _, err := repo.run(ctx, "update-ref", logRef, tip); err == nil {
		l.copied = tip
	}
}

// joined are messages as lines, each ended.
func joined(messages []string) string {
	var all strings.Builder
	for _, m := range messages {
		all.WriteString(strings.TrimSpace(m) + "\n")
	}
	return all.String()
}

// unshared are this clone's lines that the chain has not.
func (l *SharedLog) unshared(ctx context.Context) ([]line, error) {
	lines, err := l.file.lines(ctx)
	var own []line
	for _, line := range lines {
		if !l.shared[line.text] {
			own = append(own, line)
		}
	}
	return own, err
}

// tell passes on what came up in the background.
func (l *SharedLog) tell() {
	if l.Note != nil && l.untold != "" {
		l.Note(l.untold)
		l.untold = ""
	}
}
