package gitflow

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"hotfix/internal/flow"
)

// rounds is how often two race: ROUNDS, or a few.
func rounds(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("ROUNDS"))
	if err != nil {
		return 5
	}
	return n
}

// lettered is the hotfix of that number: 16.03.1a, …, 16.03.1z, 16.03.2a, …
func lettered(n int) string { return fmt.Sprintf("16.03.%d%c", 1+n/26, 'a'+n%26) }

// Two start the same version: one creates the branch, the other joins it and is told.
func TestRaceOfStarts(t *testing.T) {
	p := newProduct(t)
	clones := []string{p.clone(), p.again(t, "other")}
	for round := range rounds(t) {
		version := fmt.Sprintf("16.03.%da", round+2)
		reports := make([]*facts, len(clones))
		var plans [][]flow.Action
		for _, dir := range clones {
			actions, _, err := plan(starter(t, dir, version))
			if err != nil {
				t.Fatal(err)
			}
			plans = append(plans, actions)
		}
		var group sync.WaitGroup
		for i, actions := range plans {
			reports[i] = &facts{}
			group.Go(func() {
				for _, a := range actions {
					if err := a.Do(context.Background(), reports[i]); err != nil {
						t.Errorf("starter %d: %v", i, err)
					}
				}
			})
		}
		group.Wait()
		created, joined := 0, 0
		for _, report := range reports {
			if report.have["created"] != "" {
				created++
			}
			if report.have["joined"] != "" && strings.Contains(report.text.String(), "someone else") {
				joined++
			}
		}
		if created != 1 || joined != 1 {
			t.Fatalf("round %d: %d created, %d joined", round, created, joined)
		}
		for _, dir := range clones {
			mustRest(t, starter(t, dir, version))
		}
	}
}

// Two runs at once: one gets the lock, the other is told by whom.
func TestRaceOfRuns(t *testing.T) {
	p := newProduct(t)
	dirs := []string{p.clone(), p.again(t, "colleague")}
	for round := range rounds(t) {
		var group sync.WaitGroup
		var locks [2]*SharedLock
		var errs [2]error
		for i, dir := range dirs {
			locks[i], _ = sharedLock(t, dir, fmt.Sprint("hotfix deploy ", i))
			locks[i].Beat = Beat
			group.Go(func() { errs[i] = locks[i].Acquire(context.Background()) })
		}
		group.Wait()
		winner := 0
		if errs[0] != nil {
			winner = 1
		}
		if err := errs[1-winner]; errs[winner] != nil || !errors.Is(err, flow.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint("hotfix deploy ", winner)) {
			t.Fatalf("round %d: %v, %v", round, errs[0], errs[1])
		}
		if err := locks[winner].Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// Two finish at the same time: one publishes, the other is told, and then has nothing to publish.
func TestRaceOfFinishes(t *testing.T) {
	p := patched(t)
	dirs := []string{p.clone(), p.again(t, "colleague")}
	for round := range rounds(t) {
		var group sync.WaitGroup
		var errs [2]error
		version := lettered(round)
		for i, dir := range dirs {
			actions, _, err := plan(finisher(t, dir, version))
			if err != nil {
				t.Fatal(err)
			}
			group.Go(func() { errs[i] = actions[0].Do(context.Background(), flow.Silent{}) })
		}
		group.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("%s: %v, %v", version, errs[0], errs[1])
		}
		if err := errors.Join(errs[:]...); !strings.Contains(err.Error(), "moved since the plan") && !strings.Contains(err.Error(), "refs/") {
			t.Errorf("%s: the other is told %v", version, err)
		}
		if got := sh(t, p.server(), "rev-list", "--count", "--merges", "--first-parent", "16.03.1.."+version); got != fmt.Sprint(round+1) {
			t.Errorf("%s: %s merges", version, got)
		}
		for _, dir := range dirs {
			mustRun(t, finisher(t, dir, version))
			mustRest(t, finisher(t, dir, version))
		}
		next := lettered(round + 1)
		mustRun(t, starter(t, p.clone(), next))
		save(t, p.clone(), "app.txt", next+"\n")
		sh(t, p.clone(), "push", "-q")
	}
}
