// Package sandbox makes what hotfix works on, out of real parts: an engine, a private registry, a git remote, a
// live stack with its database, and a stand-in for Cloudflare. Tests and `make demo` stand on it.
package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"hotfix/internal/flow"
)

// Label marks every container, network and volume that a sandbox makes, with the sandbox's id as its value.
const Label = "hotfix.sandbox"

// Logf is told what the sandbox is doing, one line a call.
type Logf func(format string, args ...any)

// id is short, random, and fit for names of containers and compose projects.
func id() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// run runs a child in dir with env added to this process's, and returns its output without the last newline.
func run(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := flow.Command(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	words := stderr.String()
	if words == "" {
		words = lastLines(stdout.String(), 5)
	}
	if err := flow.ChildError(cmd, err, words); err != nil {
		return "", fmt.Errorf("%s: %w", strings.Join(append([]string{name}, args...), " "), err)
	}
	return strings.TrimRight(stdout.String(), "\n"), nil
}

// exclusively runs do while no other process on this machine is in the same section: test packages run side by
// side, and an image is made once.
func exclusively(section string, do func() error) error {
	name := fmt.Sprintf("hotfix-sandbox-%d-%s.lock", os.Getuid(), section)
	f, err := os.OpenFile(filepath.Join(os.TempDir(), name), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return do()
}

// await asks until it gets no error, and returns the last one when the time is over.
func await(ctx context.Context, limit time.Duration, what string, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := ask()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %s: %w", what, limit, err)
		}
	}
}
