package lake

import (
	"context"
	"fmt"
	"time"

	"tributary/internal/table"
)

// CheckLate is ErrLate when a batch comes after what was asked for, or ended, later than it. A time to come is no bound: a clock that was wrong once
// must not stop a client table until then.
func CheckLate(batch table.Batch, later time.Time) error {
	if batch.Scheduled.IsZero() || !later.After(batch.Scheduled) || later.After(time.Now()) {
		return nil
	}
	const layout = "2006-01-02 15:04:05.000000"
	return fmt.Errorf("%w: client %q, table %s.%s: this merge was asked for at %s, and a run of %s is merged: nothing was changed. "+
		"If no other run was under way, the clock of Temporal's server was set back: run again after the latter",
		ErrLate, batch.Ref.Client, batch.Ref.Schema, batch.Ref.Table, batch.Scheduled.UTC().Format(layout), later.UTC().Format(layout))
}

// refuseLate holds batches of one table against the sync log: runs of one client table follow one another, so a batch that was asked for before
// the last good one ended is that of a run that is over. Every lake has this. It is no part of the commit: a worker that is suspended right after it,
// and a later run that is merged and not logged yet, are not seen.
func refuseLate(ctx context.Context, inner Lake, batches []table.Batch) error {
	ref := batches[0].Ref
	filter := Filter{Tables: []string{ref.Table}}
	if len(batches) == 1 {
		filter.Client = ref.Client
	}
	asked := false
	for _, batch := range batches {
		asked = asked || !batch.Scheduled.IsZero()
	}
	if !asked {
		return nil
	}
	last, err := inner.LastRuns(ctx, ref.Schema, filter)
	if err != nil {
		return err
	}
	ended := make(map[string]time.Time, len(last))
	for _, run := range last {
		ended[run.Client] = run.LastSync
	}
	for _, batch := range batches {
		if err := CheckLate(batch, ended[batch.Ref.Client]); err != nil {
			return err
		}
	}
	return nil
}
