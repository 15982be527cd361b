package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"tributary/internal/testserver"
)

const (
	overheadChanges = 1000 // rows of one merge: half new, half spread over the whole table
	overheadSchema  = "merge_overhead"
)

var overheadSizes = []int{10_000, 300_000, 1_000_000}

// mergeOverhead measures what the lake's Merge takes beyond the MERGE itself: beyond the statement within it, as the server's answers
// tell; and beyond the same text, with another table's name in it, run by a client that waits in the call. Each of the two has a table of its own, with equal rows and equal
// history; a third takes every batch first: it says what the text is, and warms up whatever warms up.
func (b *bench) mergeOverhead(ctx context.Context) (err error) {
	s, err := startSpark(testserver.WithSparkDefaults())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	bare, err := openShell(ctx, s.proxy.URL+"/cliservice")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.close(ctx)) }()
	for _, rows := range overheadSizes {
		o := overhead{spark: s, shell: bare, dir: b.dir, rows: rows}
		if err := o.measure(ctx, 2*b.runs-1); err != nil {
			return err
		}
	}
	return nil
}

type overhead struct {
	*spark
	shell *shell
	dir   string
	rows  int // of the table
}

func (o *overhead) table(role string) string { return fmt.Sprintf("%s_%d", role, o.rows) }

func (o *overhead) measure(ctx context.Context, rounds int) error {
	base := filepath.Join(o.dir, o.table("base")+".parquet")
	if err := writeOrders(ctx, base, fmt.Sprintf("select range + 1 from range(%d)", o.rows), "select 0", 0); err != nil {
		return err
	}
	for _, role := range []string{"first", "ours", "bare"} {
		if err := o.orders(ctx, overheadSchema, o.table(role), base); err != nil {
			return err
		}
	}
	var all []overheadRound
	for n := range rounds + 1 {
		round, err := o.round(ctx, n)
		if err != nil {
			return err
		}
		if n == 0 {
			continue // to warm up
		}
		notef("%d rows, round %d: lake %.3f s, of which the MERGE %.3f s; bare %.3f s", o.rows, n, round.ours, round.inner, round.bare)
		all = append(all, round)
	}
	if err := o.equal(ctx, overheadSchema, o.table("ours"), o.table("bare"), int64(o.rows+(rounds+1)*overheadChanges/2)); err != nil {
		return err
	}
	of := func(value func(overheadRound) float64) float64 {
		values := make([]float64, len(all))
		for i, round := range all {
			values[i] = value(round)
		}
		return median(values)
	}
	name := func(what string) string { return fmt.Sprintf("%s_%d", what, o.rows) }
	return errors.Join(
		report(name("merge_overhead"), of(func(r overheadRound) float64 { return r.ours - r.inner }), "s", 1.5),
		report(name("merge_overhead_vs_bare"), of(func(r overheadRound) float64 { return r.ours - r.bare }), "s", 1.5),
		report(name("merge_lake"), of(func(r overheadRound) float64 { return r.ours }), "s", 0),
		report(name("merge_bare"), of(func(r overheadRound) float64 { return r.bare }), "s", 0))
}

// overheadRound is what one round took, in seconds: the lake's Merge, the MERGE statement within it, and
// the same statement bare.
type overheadRound struct{ ours, inner, bare float64 }

// round brings one batch into each of the tables; ours and the bare one take turns to be first.
func (o *overhead) round(ctx context.Context, n int) (round overheadRound, err error) {
	changes := filepath.Join(o.dir, fmt.Sprintf("%s_%d.parquet", o.table("changes"), n))
	updated := fmt.Sprintf("select range * %d + %d from range(%d)", 2*o.rows/overheadChanges, 1+n, overheadChanges/2)
	inserted := fmt.Sprintf("select range + %d from range(%d)", 1+o.rows+n*overheadChanges/2, overheadChanges/2)
	if err := writeOrders(ctx, changes, updated+" union all "+inserted, "select 0", 1+n); err != nil {
		return round, err
	}
	_, text, err := o.merge(ctx, "first", changes)
	if err != nil {
		return round, err
	}
	bare := strings.Replace(text.statement, o.table("first"), o.table("bare"), 1)
	work := []func() error{
		func() error {
			cost, merge, err := o.merge(ctx, "ours", changes)
			round.ours, round.inner = cost.seconds, merge.ended.Sub(merge.began).Seconds()
			return err
		},
		func() error {
			began := time.Now()
			err := o.shell.run(ctx, bare)
			round.bare = time.Since(began).Seconds()
			return err
		},
	}
	for i := range work {
		if err := work[(i+n)%2](); err != nil {
			return round, err
		}
	}
	return round, nil
}

// merge merges the changes into a table, and returns its MERGE too.
func (o *overhead) merge(ctx context.Context, role, changes string) (cost, execution, error) {
	batch, err := o.batch(ctx, 0, overheadSchema, o.table(role), changes, overheadChanges)
	if err != nil {
		return cost{}, execution{}, err
	}
	c, err := o.cost(func() error { return mergeBatch(ctx, o.lake, batch, overheadChanges/2, overheadChanges/2) })
	if err != nil {
		return cost{}, execution{}, err
	}
	for _, e := range c.statements {
		if strings.HasPrefix(e.statement, fmt.Sprintf("MERGE INTO `%s`.`%s`", overheadSchema, o.table(role))) {
			return c, *e, nil
		}
	}
	return cost{}, execution{}, fmt.Errorf("no MERGE into %s among %d statements", o.table(role), len(c.statements))
}
