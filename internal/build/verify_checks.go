package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/docker/compose/v5/pkg/api"

	"hotfix/internal/flow"
)

const (
	between   = 300 * time.Millisecond // tries of a URL
	settling  = 15 * time.Second       // how long a wrong answer may still become right
	bodyLimit = 4 << 20
)

// check proves one thing, within the deadline of ctx, and says what it found.
func (r *verification) check(ctx context.Context, check Check) (string, error) {
	if check.HTTP != "" {
		return visit(ctx, check)
	}
	start := time.Now()
	if err := r.command(ctx, Command{Run: check.Run, In: check.In}, r.stack.exec); err != nil {
		return "", err
	}
	return fmt.Sprintf("exit code 0 in %.2f s", time.Since(start).Seconds()), nil
}

// exec runs a command in the running container of a service.
func (c *composition) exec(ctx context.Context, command Command) error {
	last := &lastLines{}
	out := io.MultiWriter(c.report, last)
	library, err := newCompose(c.engine, out)
	if err != nil {
		return err
	}
	code, err := library.Exec(ctx, c.name, api.RunOptions{Service: command.In, Command: command.Run})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case code != 0:
		return exited(code, last)
	}
	return err
}

// visit asks a URL until it answers as it should. Nobody there yet, and gateways that say so, are waited for until
// the deadline; another wrong answer has a few seconds to become right.
func visit(ctx context.Context, check Check) (string, error) {
	browser := &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{DisableKeepAlives: true}, // no proxy either: it is the local stack
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	var (
		answered time.Time
		problem  error
	)
	for {
		start := time.Now()
		status, now := ask(ctx, browser, check)
		if now == nil || problem == nil || ctx.Err() == nil { // a last try that our deadline cut off says nothing new
			problem = now
		}
		if problem == nil {
			return fmt.Sprintf("%d in %.2f s", status, time.Since(start).Seconds()), nil
		}
		if answered.IsZero() && status != 0 && (status < 502 || status > 504) {
			answered = time.Now()
		}
		if !answered.IsZero() && time.Since(answered) > settling {
			return "", problem
		}
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return "", problem
			}
			return "", ctx.Err()
		case <-time.After(between):
		}
	}
}

// ask asks once. A status of 0 means that nobody answered.
func ask(ctx context.Context, browser *http.Client, check Check) (status int, problem error) {
	want := check.Status
	if want == 0 {
		want = http.StatusOK
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, check.HTTP, nil)
	if err != nil {
		return 0, err
	}
	response, err := browser.Do(request)
	if err != nil {
		return 0, fmt.Errorf("no answer: %w", err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, bodyLimit))
	if err != nil {
		return 0, fmt.Errorf("its answer broke off: %w", err)
	}
	switch {
	case response.StatusCode != want && response.Header.Get("Location") != "":
		problem = fmt.Errorf("status %d to %s, not %d", response.StatusCode, response.Header.Get("Location"), want)
	case response.StatusCode != want:
		problem = fmt.Errorf("status %d, not %d: %s", response.StatusCode, want, excerpt(string(body)))
	case !strings.Contains(string(body), check.Contains):
		problem = fmt.Errorf("its body does not contain %q: %s", check.Contains, excerpt(string(body)))
	}
	return response.StatusCode, problem
}

func excerpt(body string) string {
	line := strings.Join(strings.Fields(body), " ")
	if len(line) > 200 {
		line = strings.ToValidUTF8(line[:200], "") + " …"
	}
	return line
}

// local runs a command on this machine, in the copy.
func (r *verification) local(ctx context.Context, command Command) error {
	last := &lastLines{}
	cmd := flow.Command(ctx, command.Run[0], command.Run[1:]...)
	cmd.Dir, cmd.Env = r.tree, r.environ()
	cmd.Stdout = io.MultiWriter(r.stack.report, last)
	cmd.Stderr = cmd.Stdout
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return flow.ChildError(cmd, err, last.String())
}

// command runs it on this machine, or in a service in the given way.
func (r *verification) command(ctx context.Context, command Command, in func(context.Context, Command) error) error {
	if command.In == "" {
		return r.local(ctx, command)
	}
	return in(ctx, command)
}
