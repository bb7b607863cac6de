package cloud

import (
	"context"
	"fmt"
	"os"

	"hotfix/internal/flow"
)

// Looks are a shell in a service and the end of its log, for the person at the terminal.
func Looks(stack Stack, in, out *os.File) func(service string) []flow.Look {
	return func(service string) []flow.Look {
		shell := func(ctx context.Context) error {
			exit, err := stack.Shell(ctx, service, nil, in, out)
			if err == nil && exit != 0 {
				fmt.Fprintf(out, "the shell in %s ended with exit status %d\n", service, exit)
			}
			return err
		}
		logs := func(ctx context.Context) error { return stack.Logs(ctx, service, false, 100, out) }
		return []flow.Look{{Name: "Shell", Do: shell}, {Name: "Logs", Do: logs}}
	}
}
