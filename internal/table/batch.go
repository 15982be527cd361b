package table

import "time"

// Kinds of cursor.
const (
	CursorTime    = "time"    // datetime, timestamp
	CursorDate    = "date"    // date
	CursorInteger = "integer" // an ever-growing integer id
	CursorString  = "string"  // ever-growing text: ULIDs, UUIDs of version 7, times as text
)

// Window is the half-open range [Low, High) of the cursor that one run reads. Values are
// canonical text: "2006-01-02 15:04:05.000000" in UTC for CursorTime, "2006-01-02" for CursorDate,
// decimal digits for CursorInteger, QuoteBound's for CursorString. An empty Low or High is unbounded. The zero Window, with an
// empty Kind, is a full reload.
type Window struct {
	Kind string `json:"kind,omitempty"`
	Low  string `json:"low,omitempty"`
	High string `json:"high,omitempty"`
}

// Full says whether the window is a full reload: the run reads every row, and rows of the client
// that it did not read are deleted from the central table.
func (w Window) Full() bool { return w.Kind == "" }

// Batch is the staged Parquet files of one run of one client table. Files carry every column of
// Schema, client_id and region included; each row's ids are not NULL and unique within the batch.
type Batch struct {
	ID      string   `json:"id"` // unique per attempt to stage: also the name of its staging folder
	Ref     Ref      `json:"ref"`
	Schema  Schema   `json:"schema"` // central names and types
	Keys    []string `json:"keys"`   // central names of the ids, without client_id and region
	Cursor  string   `json:"cursor,omitempty"`
	Deleted string   `json:"deleted,omitempty"` // central name of the soft-delete column; "" when there is none
	Window  Window   `json:"window,omitzero"`
	Files   []File   `json:"files"`
	Rows    int64    `json:"rows"` // the sum over Files
	// NewerBelow, unless empty, has the batch's rows replace those of the lake whose cursor is below it, whatever the two cursors
	// say: the lake's were read earlier. Cursors go back where clocks differ or are set back. Text as in Window, of Window's kind.
	NewerBelow string `json:"newer_below,omitempty"`
	// Reload says that rows of this client that are not in the batch are deleted from the central table.
	Reload bool `json:"reload,omitempty"`
	// Kept are Parquet files with the key columns (central names) of rows that the source has and the batch has not, as those in
	// quarantine or, where Window is not a full reload, all of them: a reload does not delete them. They need not have client_id and region, and need not be unique.
	Kept []File `json:"kept,omitempty"`
	// ReloadBelow, unless empty, has a reload delete only rows whose cursor is NULL or below it: what is above may have been
	// merged by a run that read the source later. Text as in Window, of Window's kind.
	ReloadBelow string `json:"reload_below,omitempty"`
	// Moved says that the client lives in Ref.Region now and may have lived in another: its rows of every other region are deleted.
	Moved bool `json:"moved,omitempty"`
	// Scheduled is when the workflow asked for the merge, by Temporal's clock: it grows from one merge of a client table to the next. A batch is
	// refused once one that was asked for later is merged: what brings it is a worker that was cut off from Temporal, and its rows are
	// older. Zero, as of backfills, which run beside, is not looked at.
	Scheduled time.Time `json:"scheduled,omitzero"`
	// MaxDeleteShare bounds what a reload deletes, as Deletes.MaxShare: a merge that would delete more fails. See lake.CheckMoved for Moved.
	MaxDeleteShare float64 `json:"max_delete_share,omitempty"`

	// LoggedAs is the table that the run is logged under, where it is another than Ref's: see LoggedTable.
	LoggedAs string `json:"logged_as,omitempty"`

	// History is what the run's central tables keep: "", HistoryAlso or HistoryOnly. See Parts.
	History string `json:"history,omitempty"`
	// ReadAt is the source's clock when the run began to read: the time of changes that the rows do not tell. It is set
	// where there is a History.
	ReadAt time.Time `json:"read_at,omitzero"`

	Drift       string   `json:"drift,omitempty"`
	PartitionBy []string `json:"partition_by,omitempty"`
	ClusterBy   []string `json:"cluster_by,omitempty"`
	Comment     string   `json:"comment,omitempty"` // of the source table
	// Properties are those of the central table when this batch creates it.
	Properties map[string]string `json:"properties,omitempty"`
}

// File is one staged Parquet file.
type File struct {
	Path  string `json:"path"` // absolute, or relative to the lake's staging area: as the lake's Stage returned it
	Rows  int64  `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// Statuses of a run.
const (
	StatusOK        = "ok"
	StatusFailed    = "failed"
	StatusCancelled = "cancelled"
	StatusSkipped   = "skipped"
)

// Run is the record of one run of one client table: a row of sync_runs, and the source of its row in sync_log.
type Run struct {
	Ref
	RunID     string    `json:"run_id"` // unique per run; with Started, the key of sync_runs
	Status    string    `json:"status"`
	Error     string    `json:"error,omitempty"` // or the reason, when skipped
	Started   time.Time `json:"started"`
	Finished  time.Time `json:"finished"`
	Window    Window    `json:"window,omitzero"`
	Watermark string    `json:"watermark,omitempty"` // where the next window begins; "" leaves the last one
	Backfill  bool      `json:"backfill,omitempty"`  // recorded in sync_runs only
	Counts
	// Notes say what was no failure and that somebody should know: those of Raw, and what the run changed in the central table's columns.
	Notes []string `json:"notes,omitempty"`
	// Steps is how long each step took; only the steps that ran.
	Steps map[string]time.Duration `json:"steps,omitempty"`
}

// Counts are the rows of one run, by what became of them.
type Counts struct {
	Read        int64 `json:"read"`                  // read from the source
	Deduped     int64 `json:"deduped,omitempty"`     // older versions of a row that the batch has in a newer one
	Quarantined int64 `json:"quarantined,omitempty"` // kept apart by a rule
	Warned      int64 `json:"warned,omitempty"`      // failed a rule that only warns
	ZeroDates   int64 `json:"zero_dates,omitempty"`  // zero and impossible dates that became NULL
	Staged      int64 `json:"staged"`                // in the batch: Read − Deduped − Quarantined
	Inserted    int64 `json:"inserted"`
	Updated     int64 `json:"updated"`
	Deleted     int64 `json:"deleted"`
}
