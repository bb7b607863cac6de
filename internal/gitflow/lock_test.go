package gitflow

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"hotfix/internal/flow"
)

// holdLock tells this test binary to hold a lock until its input ends.
const holdLock = "HOTFIX_TEST_HOLD_LOCK"

func lockHolder() {
	l := &Lock{Path: os.Getenv(holdLock), Command: "hotfix deploy 16.03.1b"}
	if err := l.Acquire(context.Background()); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("held")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println(l.Held(context.Background()))
	os.Exit(0) // without Release
}

// otherProcess holds the lock; end lets it go on and returns its last line.
func otherProcess(t *testing.T, path string) (pid int, end func() string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), holdLock+"="+path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "held" {
		t.Fatalf("the other process says %q", lines.Text())
	}
	end = func() string {
		stdin.Close()
		lines.Scan()
		_ = cmd.Wait()
		return lines.Text()
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd.Process.Pid, end
}

func TestLockIsTakenByAnotherProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hotfix", "lock")
	pid, end := otherProcess(t, path)
	l := &Lock{Path: path, Command: "hotfix finish"}
	err := l.Acquire(t.Context())
	if !errors.Is(err, flow.ErrLocked) {
		t.Fatalf("want ErrLocked, got %v", err)
	}
	for _, word := range []string{Who(), "hotfix deploy 16.03.1b", fmt.Sprint(pid)} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	if hints := strings.Join(flow.Hints(err), ""); !strings.Contains(hints, "hotfix unlock") {
		t.Errorf("hints %q", hints)
	}
	if got := end(); got != "<nil>" {
		t.Errorf("its holder lost it: %s", got)
	}
	if err := l.Acquire(t.Context()); err != nil { // its process ended without giving it back
		t.Fatal(err)
	}
	if err := errors.Join(l.Held(t.Context()), l.Release(t.Context())); err != nil {
		t.Error(err)
	}
	if l.Held(t.Context()) == nil {
		t.Error("held after its release")
	}
}

func TestUnlockStopsTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hotfix", "lock")
	_, end := otherProcess(t, path)
	l := &Lock{Path: path, Command: "hotfix unlock"}
	was, ok, err := l.Unlock(t.Context())
	if err != nil || !ok || was.Who != Who() {
		t.Fatalf("was %v, %v, %v", was, ok, err)
	}
	if err := l.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := end(); !strings.Contains(got, "taken away") {
		t.Errorf("the holder goes on: %q", got)
	}
	if err := errors.Join(l.Held(t.Context()), l.Release(t.Context())); err != nil {
		t.Error(err)
	}
	if _, ok, err := l.Unlock(t.Context()); ok || err != nil {
		t.Errorf("nobody holds it: %v, %v", ok, err)
	}
}
