package lake

import (
	"cmp"
	"strings"
	"time"

	"tributary/internal/table"
)

// Names of the sync log's tables, in every central schema.
const (
	SyncLog  = "sync_log"
	SyncRuns = "sync_runs"
)

// Keys of the sync log's tables. started_at adds nothing to a run's key; it lets file statistics exclude old files.
var (
	SyncLogKeys  = []string{"schema", table.ClientColumn, "table_name"}
	SyncRunsKeys = []string{"run_id", "schema", table.ClientColumn, "table_name", "started_at"}
)

// LoggedSteps are the steps whose durations sync_runs has, as columns <step>_ms.
var LoggedSteps = []string{"plan", "extract", "validate", "transform", "stage", "review", "merge"}

// SyncLogTable defines sync_log: one row per client table, with what Advance says.
func SyncLogTable(schema string) Table {
	return Table{
		Schema: schema, Name: SyncLog, PartitionBy: []string{"schema"},
		Comment: "The last sync of every client table",
		Columns: logColumns(
			"schema", table.String, table.ClientColumn, table.String, "table_name", table.String, table.RegionColumn, table.String,
			"sync", table.String, "last_sync_timestamp", table.Timestamp, "watermark", table.String, "cursor_kind", table.String,
			"rows", table.Long, "status", table.String, "error", table.String, "run_id", table.String,
			"started_at", table.Timestamp, "finished_at", table.Timestamp),
	}
}

// Values are the row's values, in the order of SyncLogTable's columns; nil is NULL.
func (l LastRun) Values() []any {
	return []any{l.Schema, l.Client, l.Table, l.Region, orNull(l.Sync), instant(l.LastSync), orNull(l.Watermark), orNull(l.Kind),
		l.Rows, l.Status, orNull(l.Error), l.RunID, instant(l.Started), instant(l.Finished)}
}

// SyncRunsTable defines sync_runs: one row per run, never changed. Its notes are Run.Notes, one a line; NULL when there are none. A table
// that lacks columns gets them with the next run that is logged.
func SyncRunsTable(schema string) Table {
	columns := logColumns(
		"run_id", table.String, "schema", table.String, table.ClientColumn, table.String, "table_name", table.String,
		table.RegionColumn, table.String, "sync", table.String, "status", table.String, "error", table.String,
		"started_at", table.Timestamp, "finished_at", table.Timestamp, "cursor_kind", table.String, "window_low", table.String,
		"window_high", table.String, "watermark", table.String, "backfill", table.Boolean,
		"rows_read", table.Long, "rows_deduped", table.Long, "rows_quarantined", table.Long, "rows_warned", table.Long,
		"zero_dates", table.Long, "rows_staged", table.Long, "rows_inserted", table.Long, "rows_updated", table.Long,
		"rows_deleted", table.Long, "duration_ms", table.Long)
	for _, step := range LoggedSteps {
		columns = append(columns, logColumns(step+"_ms", table.Long)...)
	}
	columns = append(columns, logColumns("notes", table.String)...) // last: tables of earlier versions get it at their end
	return Table{
		Schema: schema, Name: SyncRuns, PartitionBy: []string{"schema"},
		Comment: "Every run of every client table", Columns: columns,
	}
}

// RunValues are the run's values, in the order of SyncRunsTable's columns; nil is NULL.
func RunValues(r table.Run) []any {
	values := []any{r.RunID, r.Schema, r.Client, r.Table, r.Region, orNull(r.Sync), r.Status, orNull(r.Error),
		instant(r.Started), instant(r.Finished), orNull(r.Window.Kind), orNull(r.Window.Low), orNull(r.Window.High),
		orNull(r.Watermark), r.Backfill, r.Read, r.Deduped, r.Quarantined, r.Warned, r.ZeroDates, r.Staged, r.Inserted,
		r.Updated, r.Deleted, r.Finished.Sub(r.Started).Milliseconds()}
	for _, step := range LoggedSteps {
		var ms any
		for name, took := range r.Steps {
			if strings.EqualFold(name, step) {
				ms = took.Milliseconds()
			}
		}
		values = append(values, ms)
	}
	return append(values, orNull(strings.Join(r.Notes, "\n")))
}

// Advance is the row of sync_log after a run. The status, rows and error are those of the run that started last; the last sync, the region and the
// watermark are those of the run that ended last of those that were ok, in whatever order runs are logged, and however often: its watermark stands, earlier
// than the one before or not, as when a clock was set back. One that moves the client to another region and brings no watermark leaves none:
// another server's clock and ids say nothing of this one's. A backfill leaves the row alone. Of a client table without a row, last is the zero value.
func Advance(last LastRun, run table.Run) LastRun {
	if run.Backfill {
		return last
	}
	next := last
	newest := !run.Started.Before(last.Started)
	if newest {
		next.Ref, next.RunID, next.Started, next.Finished = run.Ref, run.RunID, run.Started, run.Finished
		next.Status, next.Error, next.Rows = run.Status, run.Error, run.Staged
		next.Region = cmp.Or(last.Region, run.Region)
	}
	if run.Status != table.StatusOK {
		return next
	}
	if run.Finished.After(last.LastSync) {
		next.LastSync = run.Finished
	}
	if !newest && run.Finished.Before(last.LastSync) {
		return next
	}
	if run.Watermark != "" {
		next.Watermark, next.Kind = run.Watermark, run.Window.Kind
	} else if next.Region != run.Region {
		next.Watermark, next.Kind = "", ""
	}
	next.Region = run.Region
	return next
}

func logColumns(namesAndTypes ...any) table.Schema {
	var columns table.Schema
	for i := 0; i < len(namesAndTypes); i += 2 {
		columns = append(columns, table.Column{Name: namesAndTypes[i].(string), Type: namesAndTypes[i+1].(table.Type), Nullable: true})
	}
	return columns
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// instant is a time as the log keeps it: microseconds, UTC; the zero time is NULL.
func instant(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}
