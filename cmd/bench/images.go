package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"hotfix/internal/flow"
	"hotfix/internal/sandbox"
)

// images measures build and push of a small change of a large tree.
func images(ctx context.Context, s scale) (failure error) {
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
	if err := b.prepare(ctx, s.files, s.bytes); err != nil {
		return err
	}
	pushes, err := b.pushes(ctx, s.rows)
	if err != nil {
		return err
	}
	show(fmt.Sprintf("%d files, 3 changed: build and push", s.files), pushes, func(r row) int64 { return r.up })
	pulls, err := b.pulls(ctx)
	if err != nil {
		return err
	}
	show("the host pulls it", pulls, func(r row) int64 { return r.down })
	return nil
}

// step is one row: what is done, after one more change.
type step struct {
	what string
	do   func(context.Context) error
}

// pushes lets all do the same work.
func (b *bench) pushes(ctx context.Context, rows int) (all []row, err error) {
	for _, s := range []step{
		{"BuildKit build + docker push", b.docker(b.buildkit)},
		{"classic build + docker push", b.docker(b.classic)},
		{"hotfix, an image never seen before", b.hotfix},
		{"hotfix, its content known", b.hotfix},
	} {
		if err := b.change(ctx); err != nil {
			return nil, err
		}
		if all, err = b.measure(ctx, all, s); err != nil {
			return nil, err
		}
	}
	if err := b.keep(ctx); err != nil {
		return nil, err
	}
	for n := range rows {
		if err := b.change(ctx); err != nil {
			return nil, err
		}
		r, err := b.measure(ctx, nil, step{fmt.Sprintf("hotfix, number %d in a row", n+1), b.hotfix})
		if err != nil {
			return nil, err
		}
		if err := b.keep(ctx); err != nil {
			return nil, err
		}
		r[0].what += fmt.Sprintf(" (%d layers)", b.layers)
		if n == 0 || n == rows-1 {
			all = append(all, r[0])
		}
	}
	for _, known := range []string{"layers", "images"} { // another machine has neither
		if err := os.RemoveAll(filepath.Join(b.dir, known)); err != nil {
			return nil, err
		}
	}
	if err := b.change(ctx); err != nil {
		return nil, err
	}
	return b.measure(ctx, all, step{"hotfix, on another machine", b.hotfix})
}

func (b *bench) measure(ctx context.Context, all []row, s step) ([]row, error) {
	r, err := b.wire.time(s.what, func() error { return s.do(ctx) })
	logf("%s: %.2f s, %d B up, %d B down", r.what, r.taken.Seconds(), r.up, r.down)
	return append(all, r), err
}

// show prints a table: how much better the others are than the first.
func show(title string, all []row, bytes func(row) int64) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\tseconds\tbytes up\tbytes down\tfaster\tfewer bytes\t\n", title)
	for _, r := range all {
		fmt.Fprintf(w, "%s\t%.2f\t%d\t%d\t%.0f×\t%.0f×\t\n", r.what, r.taken.Seconds(), r.up, r.down,
			all[0].taken.Seconds()/r.taken.Seconds(), float64(bytes(all[0]))/float64(max(1, bytes(r))))
	}
	_ = w.Flush()
}
