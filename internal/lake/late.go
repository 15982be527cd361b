package lake

import (
	"context"
	"fmt"
	"slices"
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
	var filter Filter // other clients' rows are not read: all of them may be millions
	for _, batch := range batches {
		if batch.Scheduled.IsZero() {
			continue
		}
		filter.Clients = append(filter.Clients, batch.Ref.Client)
		if name := batch.LoggedTable(); !slices.Contains(filter.Tables, name) {
			filter.Tables = append(filter.Tables, name)
		}
	}
	if len(filter.Clients) == 0 {
		return nil
	}
	last, err := inner.LastRuns(ctx, batches[0].Ref.Schema, filter)
	if err != nil {
		return err
	}
	ended := make(map[[2]string]time.Time, len(last))
	for _, run := range last {
		ended[[2]string{run.Client, run.Table}] = run.LastSync
	}
	for _, batch := range batches {
		if err := CheckLate(batch, ended[[2]string{batch.Ref.Client, batch.LoggedTable()}]); err != nil {
			return err
		}
	}
	return nil
}
