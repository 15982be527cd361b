package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"tributary/internal/testserver"
)

// changedRows is how many rows of orders change before each incremental run.
const changedRows = 100

// incremental measures runs that bring 100 changed rows of orders, spread over the whole table or next to each other, and
// runs that find nothing new: with deletion vectors, and without. The clock is that of the whole TableSync, Temporal's server included.
func (b *bench) incremental(ctx context.Context) (err error) {
	server, err := b.orders(b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	for _, kind := range []struct {
		name, sync string
		goal       float64
	}{
		{"incremental", vectorsSync, 0.5},
		{"incremental_without_vectors", ordersSync, 0},
	} {
		// No row may be later than now, or later than an overlap before it: it would be read again and again.
		if err := execute(server, "use shop; update orders set updated_at = timestampadd(second, -id, '2026-01-01')"); err != nil {
			return err
		}
		s, err := ordersStack(ctx, server, filepath.Join(b.dir, kind.name), kind.sync)
		if err != nil {
			return err
		}
		err = b.incrementalRuns(ctx, s, server, kind.name, kind.goal)
		_, stopErr := s.stop()
		if err := errors.Join(err, stopErr); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) incrementalRuns(ctx context.Context, s *stack, server *testserver.Server, name string, goal float64) error {
	if _, err := s.sync(ctx); err != nil {
		return err
	}
	for _, rows := range []struct {
		name  string
		where string // of run n
	}{
		{"scattered", fmt.Sprintf("mod(id, %d) = %%[1]d", b.rows/changedRows)},
		{"contiguous", fmt.Sprintf("id > %%[1]d * 1000 and id <= %%[1]d * 1000 + %d", changedRows)},
		{"nothing", "id < 0 and id = %[1]d"},
	} {
		var all []float64
		for n := range b.runs {
			took, err := b.change(ctx, s, server, fmt.Sprintf(rows.where, n+1), rows.name != "nothing")
			if err != nil {
				return err
			}
			all = append(all, took.Seconds())
		}
		if err := report(name+"_"+rows.name, median(all), "s", goal); err != nil {
			return err
		}
	}
	return nil
}

// change changes rows and syncs them.
func (b *bench) change(ctx context.Context, s *stack, server *testserver.Server, where string, some bool) (time.Duration, error) {
	statement := "use shop; update orders set amount = amount + 1, updated_at = current_timestamp(6) where " + where
	if err := execute(server, statement); err != nil {
		return 0, err
	}
	time.Sleep(time.Second) // the changes are over when the window ends
	if _, err := s.sync(ctx); err != nil {
		return 0, err
	}
	run, took, err := s.lastRun(ctx)
	if err != nil {
		return 0, err
	}
	steps, err := s.lastSteps(ctx)
	notef("%s: %s s; %d read, %d updated", where, steps, run.Read, run.Updated)
	if some && run.Updated != changedRows {
		err = errors.Join(err, fmt.Errorf("%d rows were updated, not %d", run.Updated, changedRows))
	}
	return took, err
}
