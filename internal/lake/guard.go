package lake

import (
	"errors"
	"fmt"

	"tributary/internal/table"
)

// ErrGuard says that a reload would delete more of its client's rows than Batch.MaxDeleteShare allows. Nothing was changed;
// permanent.
var ErrGuard = errors.New("too many deletes")

// GuardFloor is how many rows a reload may delete whatever their share: small tables change a lot.
const GuardFloor = 100

// Guarded says whether CheckDeletes may refuse to delete so many rows, however many the client has.
func Guarded(batch table.Batch, missing int64) bool {
	return batch.MaxDeleteShare > 0 && batch.MaxDeleteShare < 1 && missing > GuardFloor
}

// CheckDeletes is ErrGuard when the batch would delete too many of its client's rows: missing of all.
func CheckDeletes(batch table.Batch, missing, all int64) error {
	if !Guarded(batch, missing) || float64(missing) <= batch.MaxDeleteShare*float64(all) {
		return nil
	}
	ref := batch.Ref
	again := fmt.Sprintf("tributary run %s --client %s --table %s --allow-deletes", ref.Sync, ref.Client, ref.Table)
	if batch.Window.Full() {
		again += " (with --full, where the run had it)"
	}
	return fmt.Errorf("%w: client %q, table %s.%s: %d of its %d rows (%s) are not at the source any more, and deletes.max_share is %s; "+
		"look at the source, and at the table's where and ids. To delete them this once: %s",
		ErrGuard, ref.Client, ref.Schema, ref.Table, missing, all, percent(float64(missing)/float64(all)), percent(batch.MaxDeleteShare), again)
}

// CheckMoved is ErrGuard when a client that has moved (Batch.Moved) would lose too many rows by it: elsewhere rows of other regions go, and those
// that the batch puts come instead: its own without soft-deleted ones, and none that are only kept, as nothing is put for them. A region or host that
// is wrong in the registry, as one of an empty server, would otherwise empty the table.
func CheckMoved(batch table.Batch, comes, elsewhere int64) error {
	gone := max(elsewhere-comes, 0)
	if !Guarded(batch, gone) || float64(gone) <= batch.MaxDeleteShare*float64(elsewhere) {
		return nil
	}
	ref := batch.Ref
	return fmt.Errorf("%w: client %q lives in region %q now: the %d rows that table %s.%s has of it under other regions would go, and %d come from its source "+
		"(deletes.max_share is %s); look at the client's region, host and database in the registry, and at what was quarantined. To do it this once: tributary run %s --client %s --table %s --allow-deletes (with --full, where the run had it)",
		ErrGuard, ref.Client, ref.Region, elsewhere, ref.Schema, ref.Table, comes, percent(batch.MaxDeleteShare), ref.Sync, ref.Client, ref.Table)
}

func percent(share float64) string { return fmt.Sprintf("%.3g %%", 100*share) }

// CheckReload is ErrBatch when a batch would delete all that a window did not read: the keys of the other rows are missing.
func CheckReload(batch table.Batch) error {
	if batch.Reload && !batch.Window.Full() && len(batch.Kept) == 0 {
		return Incomplete(batch, "it deletes what the source no longer has and comes without the ids of what it has, stage it again")
	}
	return nil
}

// reloadType is the SQL type in which cursors of the batch's kind are compared; "" for a kind that has none.
func reloadType(batch table.Batch, timestamp string) string {
	switch batch.Window.Kind {
	case table.CursorTime:
		return timestamp
	case table.CursorDate:
		return "DATE"
	case table.CursorInteger:
		return "DECIMAL(38,0)"
	}
	return ""
}

// ReloadBelowExpr is SQL, read alike by DuckDB and Spark, that is true for the rows that a reload may delete by their
// cursor: see Batch.ReloadBelow. Column is the quoted cursor of the central table, timestamp the engine's name
// of a time in UTC; "true" without a bound.
func ReloadBelowExpr(batch table.Batch, column, timestamp string) string {
	if below := belowExpr(batch, batch.ReloadBelow, column, timestamp); below != "" {
		return "coalesce(" + below + ", true)"
	}
	return "true"
}

// NewerBelowExpr is SQL like that, true for the rows that the batch's replace whatever their cursors say: see
// Batch.NewerBelow; "false" without a bound.
func NewerBelowExpr(batch table.Batch, column, timestamp string) string {
	if below := belowExpr(batch, batch.NewerBelow, column, timestamp); below != "" {
		return "coalesce(" + below + ", false)"
	}
	return "false"
}

// belowExpr is NULL for a cursor that is none of the kind's; "" without a bound.
func belowExpr(batch table.Batch, bound, column, timestamp string) string {
	kind := reloadType(batch, timestamp)
	if kind == "" || bound == "" || batch.Cursor == "" {
		return ""
	}
	if batch.Window.Kind == table.CursorTime {
		bound += "+00:00"
	}
	return fmt.Sprintf("TRY_CAST(%s AS %s) < CAST(%s AS %[2]s)", column, kind, table.Literal(bound))
}
