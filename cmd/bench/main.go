// Command bench measures what a hotfix costs: build and push of a small change of a large tree, through hotfix and
// through BuildKit and `docker push`, side by side. Seconds and bytes are counted outside of both.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

func main() {
	files := flag.Int("files", 20000, "files in the tree")
	size := flag.Int64("bytes", 200_000_000, "bytes in the tree")
	rows := flag.Int("hotfixes", 10, "hotfixes in a row")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *files, *size, *rows); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, files int, size int64, rows int) (failure error) {
	engine, err := sandbox.Connect(ctx, logf)
	if err != nil {
		return err
	}
	defer engine.Close()
	if err := sandbox.Images(ctx, engine, logf); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hotfix-bench-")
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, os.RemoveAll(dir)) }()
	store, err := sandbox.StartRegistry(ctx, engine, fmt.Sprintf("bench-%d", os.Getpid()), dir)
	if err != nil {
		return err
	}
	defer func() {
		undo, cancel := flow.Cleanup(ctx)
		defer cancel()
		failure = errors.Join(failure, store.Close(undo))
	}()
	wire, err := count(store, dir)
	if err != nil {
		return err
	}
	defer wire.Close()
	b := &bench{engine: engine, dir: dir, wire: wire, store: store, repository: wire.host + "/bench/php"}
	defer b.close(ctx)
	if err := b.prepare(ctx, files, size); err != nil {
		return err
	}
	return b.measure(ctx, files, rows)
}

// measure lets both do the same work, and prints the table.
func (b *bench) measure(ctx context.Context, files, rows int) error {
	var all []row
	first := func(what string, do func(context.Context) error) error {
		r, err := b.wire.time(what, func() error { return do(ctx) })
		all = append(all, r)
		logf("%s: %.2f s, %d B up", what, r.taken.Seconds(), r.up)
		return err
	}
	change := func() error { return b.change(ctx) }
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"BuildKit build + docker push", b.docker},
		{"hotfix, an image never seen before", b.hotfix},
		{"hotfix, its content known", b.hotfix},
	}
	for _, step := range steps {
		if err := errors.Join(change(), first(step.what, step.do)); err != nil {
			return err
		}
	}
	var last row
	for n := range rows {
		if err := change(); err != nil {
			return err
		}
		var err error
		if last, err = b.wire.time("", func() error { return b.hotfix(ctx) }); err != nil {
			return err
		}
		if err := b.keep(ctx); err != nil {
			return err
		}
		last.what = fmt.Sprintf("hotfix, number %d in a row (%d layers)", n+1, b.layers)
	}
	if rows > 0 {
		all = append(all, last)
	}
	show(files, all)
	return nil
}

func show(files int, all []row) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%d files, 3 changed\tseconds\tbytes up\tbytes down\tfaster\tfewer bytes up\t\n", files)
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.2f\t%d\t%d\t%.0f×\t%.0f×\t\n", r.what, r.taken.Seconds(), r.up, r.down,
			all[0].taken.Seconds()/r.taken.Seconds(), float64(all[0].up)/float64(max(1, r.up)))
	}
	_ = w.Flush()
}

func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", args...)
}
