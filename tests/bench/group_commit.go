package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"tributary/internal/lake"
	"tributary/internal/table"
)

const (
	groupClients = 100
	groupRows    = 1000 // of each client, before
	groupChanges = 200  // rows of each client's batch: half new, half spread over the client's rows
	groupSchema  = "group_commit"
)

// way is one of bringing the batches into the lake.
type way struct {
	name   string
	lake   lake.Lake
	atOnce int
	costs  []cost
}

// groupCommit measures a hundred clients' batches for one table: all at once with group commit, as workers do; and
// without, one by one and eight at a time. Each way has a table of its own in each round, with the same rows before and after.
func (b *bench) groupCommit(ctx context.Context) (err error) {
	s, err := startSpark()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	g := grouping{spark: s, dir: b.dir, ways: []*way{
		{name: "grouped", lake: lake.Group(s.lake), atOnce: groupClients},
		{name: "eight", lake: s.lake, atOnce: 8},
		{name: "single", lake: s.lake, atOnce: 1},
	}}
	if err := g.prepare(ctx); err != nil {
		return err
	}
	for round := range b.runs {
		for i := range g.ways {
			if err := g.measure(ctx, g.ways[(i+round)%len(g.ways)], fmt.Sprintf("round_%d", round+1), groupClients); err != nil {
				return err
			}
		}
		if err := g.compare(ctx, fmt.Sprintf("round_%d", round+1)); err != nil {
			return err
		}
	}
	return g.report()
}

type grouping struct {
	*spark
	dir  string
	ways []*way
}

// prepare makes the clients' rows and batches, and warms up the server and the lake's sessions on tables of its own.
func (g *grouping) prepare(ctx context.Context) error {
	if err := writeOrders(ctx, g.base(), fmt.Sprintf("select range + 1 from range(%d)", groupRows),
		fmt.Sprintf("from range(%d)", groupClients), 0); err != nil {
		return err
	}
	rows := fmt.Sprintf("select range + 1 from range(%d) where range >= %d or range %% %d = 0", groupRows+groupChanges/2, groupRows, 2*groupRows/groupChanges)
	for client := range groupClients {
		if err := writeOrders(ctx, g.changes(client), rows, fmt.Sprintf("select %d", client), 1); err != nil {
			return err
		}
	}
	for _, w := range g.ways {
		if err := g.measure(ctx, w, "warm_up", 16); err != nil {
			return err
		}
		w.costs = nil
	}
	return nil
}

func (g *grouping) base() string { return filepath.Join(g.dir, "clients.parquet") }

func (g *grouping) changes(client int) string {
	return filepath.Join(g.dir, fmt.Sprintf("client-%03d.parquet", client))
}

// measure brings the batches of so many clients into a new table.
func (g *grouping) measure(ctx context.Context, w *way, round string, clients int) error {
	name := w.name + "_" + round
	if err := g.orders(ctx, groupSchema, name, g.base()); err != nil {
		return err
	}
	batches := make([]table.Batch, clients)
	for i := range batches {
		var err error
		if batches[i], err = g.batch(ctx, i, groupSchema, name, g.changes(i), groupChanges); err != nil {
			return err
		}
	}
	cost, err := g.cost(func() error {
		all, ctx := errgroup.WithContext(ctx)
		all.SetLimit(w.atOnce)
		for _, batch := range batches {
			all.Go(func() error { return mergeBatch(ctx, w.lake, batch, groupChanges/2, groupChanges/2) })
		}
		return all.Wait()
	})
	if err != nil {
		return err
	}
	notef("%s: %.1f s, %.1f s of the server's CPU, %d statements", name, cost.seconds, cost.cpu, len(cost.statements))
	w.costs = append(w.costs, cost)
	return nil
}

// mergeBatch fails unless the batch changes what it should.
func mergeBatch(ctx context.Context, l lake.Lake, batch table.Batch, inserted, updated int64) error {
	results, err := l.Merge(ctx, []table.Batch{batch})
	if err == nil && (results[0].Inserted != inserted || results[0].Updated != updated) {
		err = fmt.Errorf("merged %+v, want %d inserted and %d updated", results[0], inserted, updated)
	}
	return err
}

// compare holds the tables of one round against each other.
func (g *grouping) compare(ctx context.Context, round string) error {
	for _, w := range g.ways[1:] {
		want := int64(groupClients * (groupRows + groupChanges/2))
		if err := g.equal(ctx, groupSchema, g.ways[0].name+"_"+round, w.name+"_"+round, want); err != nil {
			return err
		}
	}
	return nil
}

func (g *grouping) report() error {
	var errs []error
	for _, what := range []struct {
		name, unit string
		of         func(cost) float64
	}{
		{"statements", "statements", func(c cost) float64 { return float64(len(c.statements)) }},
		{"time", "s", func(c cost) float64 { return c.seconds }},
		{"cpu", "s", func(c cost) float64 { return c.cpu }}, // less noisy than time where others use the machine
	} {
		for _, w := range g.ways {
			var values, ratios []float64
			for round, c := range w.costs {
				values, ratios = append(values, what.of(c)), append(ratios, what.of(g.ways[0].costs[round])/what.of(c))
			}
			errs = append(errs, report("group_commit_"+what.name+"_"+w.name, median(values), what.unit, 0))
			if w != g.ways[0] {
				errs = append(errs, report("group_commit_"+what.name+"_vs_"+w.name, median(ratios), "x", 0.2))
			}
		}
	}
	return errors.Join(errs...)
}
