package gitflow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"hotfix/internal/flow"
)

const (
	// gather is how long a push in the background waits for more: the end of an action and the begin of the next.
	gather = time.Second
	// pushing is how long a push in the background may take.
	pushing = time.Minute
	// appendTries is how often others may be faster.
	appendTries = 50
)

// soon pushes in the background what has not been pushed.
func (l *SharedLog) soon() {
	if l.later != nil || l.alone {
		return
	}
	l.later = time.AfterFunc(gather, func() {
		ctx, cancel := context.WithTimeout(context.Background(), pushing)
		defer cancel()
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.later != nil { // nobody was faster
			_ = l.share(ctx, l.quiet) // the run's last push says what is missing
		}
	})
}

// share puts this clone's entries on top of the remote's chain. Whoever is faster comes first.
func (l *SharedLog) share(ctx context.Context, repo *Repository) error {
	if l.later != nil {
		l.later.Stop()
		l.later = nil
	}
	for range appendTries {
		if l.alone {
			return nil
		}
		err := l.push(ctx, repo)
		switch {
		case errors.Is(err, errRefused):
			l.alone = true
			l.untold = fmt.Sprintf("the log stays in this clone, and only this machine can resume: %v", err)
			return nil
		case !errors.Is(err, errMoved):
			return err
		}
		l.asked = false
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
	}
	return flow.Hint(fmt.Errorf("%s on %s never stands still", logRef, l.remote), "run the same command again")
}

// push tries once.
func (l *SharedLog) push(ctx context.Context, repo *Repository) error {
	l.asked = l.asked && l.down == nil // it may answer by now
	if err := errors.Join(l.read(ctx, repo), l.down); err != nil {
		return err
	}
	own, err := l.unshared(ctx)
	if err != nil || len(own) == 0 {
		return err
	}
	var texts []string
	for _, line := range own {
		texts = append(texts, line.text)
	}
	tip, err := repo.record(ctx, l.loaded, joined(texts))
	if err != nil {
		return err
	}
	if err := repo.send(ctx, l.remote, move{logRef, l.tip, tip}); err != nil {
		return err
	}
	l.tip, l.loaded, l.chain = tip, tip, append(l.chain, own...)
	for _, line := range own {
		l.shared[line.text] = true
	}
	l.keep(ctx, repo, tip)
	return nil
}

// missed notes that the remote has not got everything.
func (l *SharedLog) missed(err error) {
	if err != nil {
		l.untold = fmt.Sprintf("colleagues do not see this yet, the next run tells them: %v", err)
	}
}
