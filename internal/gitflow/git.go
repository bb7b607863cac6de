// Package gitflow knows branches, versions and merges: it starts and finishes hotfixes, and keeps the log and the
// lock. git itself does whatever writes, merges, checks out or talks to a remote; go-git reads.
package gitflow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"

	"hotfix/internal/flow"
)

// Git runs git, always in English and never on a repository that the environment names.
type Git struct {
	// Env are further NAME=value pairs for git.
	Env []string
	// Interactive lets git and ssh ask at the terminal for a password or a passphrase. Without it they fail
	// instead of waiting for nobody.
	Interactive bool
}

// Run runs git in dir and returns its stdout without the last newline. The error carries git's own words.
func (g Git) Run(ctx context.Context, dir string, args ...string) (string, error) {
	out, err := g.pipe(ctx, dir, nil, args...)
	return strings.TrimSuffix(out, "\n"), err
}

// pipe runs git with an input and returns its stdout as it is, also when it fails.
func (g Git) pipe(ctx context.Context, dir string, stdin io.Reader, args ...string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := g.command(ctx, args...)
	cmd.Dir, cmd.Env = dir, g.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err := cmd.Run()
	switch {
	case err == nil:
		return stdout.String(), nil
	case ctx.Err() != nil:
		return stdout.String(), fmt.Errorf("git %s: %w", verb(args), context.Cause(ctx))
	case errors.Is(err, exec.ErrNotFound):
		return "", flow.Hint(errors.New("git is not installed"), "install git 2.38 or newer")
	}
	return stdout.String(), fmt.Errorf("git %s: %w", verb(args), words(err, stderr.String()))
}

// command makes a child that either shares our terminal, or has none at all: in a background process group of
// the terminal, ssh would stop for ever when it asks for a passphrase.
func (g Git) command(ctx context.Context, args ...string) *exec.Cmd {
	if g.Interactive {
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = flow.Grace
		return cmd
	}
	cmd := flow.Command(ctx, "git", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // its session leads a process group, too
	return cmd
}

// stripped would point git at another repository than the one in its directory; hooks and aliases set them.
var stripped = map[string]bool{
	"GIT_DIR": true, "GIT_WORK_TREE": true, "GIT_INDEX_FILE": true, "GIT_PREFIX": true, "GIT_COMMON_DIR": true,
	"GIT_OBJECT_DIRECTORY": true, "GIT_ALTERNATE_OBJECT_DIRECTORIES": true, "GIT_NAMESPACE": true,
}

func (g Git) environ() []string {
	var env []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); !stripped[name] {
			env = append(env, pair)
		}
	}
	env = append(env, "LC_ALL=C")
	if !g.Interactive {
		env = append(env, "GIT_TERMINAL_PROMPT=0")
	}
	return append(env, g.Env...)
}

// verb is git's subcommand; its arguments stay out of errors.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-c" || args[i] == "-C":
			i++
		case !strings.HasPrefix(args[i], "-"):
			return args[i]
		}
	}
	return ""
}

// saidError is an exit status with what git said about it.
type saidError struct {
	said string
	err  error
}

func (e saidError) Error() string { return e.said }
func (e saidError) Unwrap() error { return e.err }

// words turns an exit status into git's own words, without its advice, which is about other commands than ours.
func words(err error, stderr string) error {
	var said []string
	for _, line := range strings.Split(strings.TrimSpace(stderr), "\n") {
		if !strings.HasPrefix(line, "hint:") && strings.TrimSpace(line) != "" {
			said = append(said, strings.TrimRight(line, " "))
		}
	}
	if len(said) == 0 {
		return err
	}
	return saidError{said: Redact(strings.Join(said, "\n")), err: err}
}

// exitCode is the status that git ended with; -1 where it did not end by itself.
func exitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

var userinfo = regexp.MustCompile(`([a-zA-Z][\w+.-]*)://([^/@\s:]*)(:[^/@\s]*)?@`)

// Redact takes the credentials out of every URL in text: passwords always, user names (which may be tokens)
// except ssh's.
func Redact(text string) string {
	return userinfo.ReplaceAllStringFunc(text, func(url string) string {
		part := userinfo.FindStringSubmatch(url)
		if strings.HasSuffix(part[1], "ssh") && part[2] != "" {
			return part[1] + "://" + part[2] + "@"
		}
		return part[1] + "://***@"
	})
}
