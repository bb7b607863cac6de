// Command bench measures what a hotfix costs, in parts, each side by side with what people use today. Seconds and
// bytes are counted outside of both.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	files := flag.Int("files", 20000, "files in the tree")
	size := flag.Int64("bytes", 200_000_000, "bytes in the tree")
	rows := flag.Int("hotfixes", 10, "hotfixes in a row")
	parts := flag.String("parts", "", "the parts to measure, with commas between: "+strings.Join(names(), ", ")+" (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *parts, scale{*files, *size, *rows}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// scale is how much there is to do.
type scale struct {
	files int
	bytes int64
	rows  int // hotfixes in a row
}

// A part is measured by itself, and prints its own table.
type part struct {
	name string
	run  func(context.Context, scale) error
}

func parts() []part {
	return []part{
		{"images", images}, // build and push, beside BuildKit and `docker push`
		{"git", gits},      // finish, sync, status, beside git-flow and git
		{"swarm", swarms},  // a redeploy on three engines, beside docker's own ways
	}
}

func names() (all []string) {
	for _, p := range parts() {
		all = append(all, p.name)
	}
	return all
}

// run measures the parts that are wanted, in their order.
func run(ctx context.Context, wanted string, s scale) error {
	chosen := strings.FieldsFunc(wanted, func(r rune) bool { return r == ',' || r == ' ' })
	for _, name := range chosen {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("there is no part %q: %s", name, strings.Join(names(), ", "))
		}
	}
	for _, p := range parts() {
		if len(chosen) > 0 && !slices.Contains(chosen, p.name) {
			continue
		}
		if err := p.run(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
