// Command bench measures Tributary against its goals, on this machine and in one run: figures go to
// standard output, one JSON line each, and what is going on to standard error. Only ratios count; machines are noisy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if role := os.Getenv(roleVariable); role != "" {
		exit(runRole(ctx, role))
		return
	}
	var b bench
	flag.IntVar(&b.rows, "rows", 3_000_000, "rows of the table to load")
	flag.IntVar(&b.runs, "runs", 3, "runs of each measurement; the median counts")
	only := flag.String("only", strings.Join(partNames, ","), "what to measure")
	flag.StringVar(&b.dir, "dir", "", "folder for databases and lakes (default: a temporary one, removed at the end)")
	write := flag.String("write", "", "document to write the figures into, between its marks")
	flag.Parse()
	err := b.run(ctx, strings.Split(*only, ","))
	if *write != "" {
		err = errors.Join(err, writeFigures(*write))
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type bench struct {
	rows, runs int
	dir        string
}

func (b *bench) run(ctx context.Context, only []string) (err error) {
	if b.dir == "" {
		if b.dir, err = os.MkdirTemp("", "tributary-bench-"); err != nil {
			return fmt.Errorf("make a folder: %w", err)
		}
		defer func() { _ = os.RemoveAll(b.dir) }()
	}
	parts := map[string]func(context.Context) error{
		"full-load": b.fullLoad, "full-load-ten": b.fullLoadTen, "merge": b.merge, "incremental": b.incremental, "verify": b.verify,
		"fan-out": b.fanOut, "group-commit": b.groupCommit, "merge-overhead": b.mergeOverhead,
	}
	for _, name := range only {
		part, ok := parts[name]
		if !ok {
			return fmt.Errorf("-only: there is no %q; there are %s", name, strings.Join(partNames, ", "))
		}
		notef("== %s", name)
		if err := part(ctx); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// partNames are what can be measured, in this order.
var partNames = []string{"full-load", "full-load-ten", "merge", "incremental", "verify", "fan-out", "group-commit", "merge-overhead"}

func notef(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
