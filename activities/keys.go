package activities

import (
	"context"
	"errors"
	"math/big"
	"sync/atomic"

	"tributary/internal/mariadb"
	"tributary/internal/table"
)

// reconciles says whether the run compares the ids of all rows: a full reload has them anyway, and a backfill is a
// range, of which nothing follows for other rows.
func (in ExtractInput) reconciles(w table.Window) bool {
	return in.Spec.Deletes.Reconcile && !w.Full() && in.From == "" && in.To == ""
}

// readKeys adds the ids of all rows to what was read. Rows and bytes go on from those of the rows. Where limits.hours let
// no large table be read in full now, a note says so instead: the next run within them finds the deletes.
func (a *Activities) readKeys(ctx context.Context, source *mariadb.Source, in ExtractInput, plan table.Plan, raw *table.Raw, rows, bytes *atomic.Int64) error {
	rowsBefore, bytesBefore := rows.Load(), bytes.Load()
	keys, err := source.ExtractKeys(ctx, mariadb.ExtractRequest{
		Spec: in.Spec, Plan: plan, Server: raw.Server,
		Dir:      a.Scratch.Run(in.RunID, "keys"),
		Progress: func(r, b int64) { rows.Store(rowsBefore + r); bytes.Store(bytesBefore + b) },
	})
	if errors.Is(err, mariadb.ErrHours) {
		raw.Notes = append(raw.Notes, "the rows are read, and deletes were not looked for: "+err.Error())
		return nil
	}
	raw.Keys, raw.KeyRows = keys.Files, keys.Rows
	return err
}

// setDeletes says what the batch deletes of what the source no longer has.
func (in StepInput) setDeletes(batch *table.Batch) {
	if len(in.Raw.Keys) > 0 {
		batch.Reload, batch.ReloadBelow = true, in.reloadBelow()
	}
	if batch.Reload {
		batch.MaxDeleteShare = in.Spec.Deletes.MaxShare
	}
}

// reloadBelow is the cursor from which on rows may be in the lake that were not at the source yet when it was read:
// brought by a backfill that read later. A clock is past it when the ids are read. The largest id is not: where the newest rows are
// deleted it goes back, and what was below an earlier one must go.
func (in StepInput) reloadBelow() string {
	w := in.Raw.Window
	switch w.Kind {
	case table.CursorTime, table.CursorDate:
		return w.High
	case table.CursorInteger:
		high, ok := new(big.Int).SetString(w.High, 10)
		mark, known := new(big.Int).SetString(in.Plan.Watermark, 10)
		if known && (!ok || mark.Cmp(high) > 0) {
			return in.Plan.Watermark
		}
		return w.High
	}
	return ""
}
