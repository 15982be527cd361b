// Package lake brings staged batches into central Delta tables. One interface, one adapter per
// kind of lake; every adapter passes the conformance suite in tests/.
package lake

import (
	"context"
	"errors"
	"time"

	"tributary/internal/table"
)

// Errors that every adapter returns, wrapped with what and which.
var (
	ErrNotFound = errors.New("table not found")     // the central table does not exist
	ErrSchema   = errors.New("schemas do not fit")  // a batch cannot be merged into the table as it is; permanent
	ErrCorrupt  = errors.New("table is damaged")    // the table's log cannot be read; permanent
	ErrConflict = errors.New("concurrent change")   // the commit lost a race and retries were used up; retryable
	ErrBatch    = errors.New("batch is incomplete") // staged files are missing or their counts differ; restage
	ErrLate     = errors.New("merged out of turn")  // a later run of the client table was merged before; begin again, once, with what the source has now
	ErrDenied   = errors.New("denied by the lake")  // the account lacks a grant or its credentials are refused; permanent
	ErrSetup    = errors.New("lake is not set up")  // its host, warehouse, catalog, volume or folder is not there; permanent
)

// Lake is where central tables live. Methods are safe for concurrent use, by several processes too.
type Lake interface {
	// Create makes the central table when it is missing, and otherwise adds the columns that it
	// lacks. It returns whether the table was made. A column whose type does not fit is ErrSchema.
	Create(ctx context.Context, def Table) (created bool, err error)

	// Describe returns what a central table is now, or ErrNotFound.
	Describe(ctx context.Context, schema, name string) (Table, error)

	// Stage brings local Parquet files to where Merge reads them and returns them under their new
	// paths. The originals may be moved. Repeating it with the same batch id replaces what it staged.
	Stage(ctx context.Context, batchID string, files []table.File) ([]table.File, error)

	// Unstage removes what Stage put there under that batch id, or under ids that begin with it and
	// a slash: a run's batches are run/try. Nothing staged is no error.
	Unstage(ctx context.Context, batchID string) error

	// Merge brings batches of one central table, of different clients, into it in one
	// commit. It creates the table and adds columns as the batches' drift policy allows. A matched
	// row is updated only when the incoming cursor is not older (NULL counts as unknown, and
	// updates); a row with a true Deleted column is deleted; a reload batch also deletes what its
	// client no longer has; one of a client that has moved, its rows of other regions. Merging a batch again changes nothing. Counts are in the
	// order of batches.
	Merge(ctx context.Context, batches []table.Batch) ([]MergeResult, error)

	// Log records runs in sync_runs (once each, by RunID and Ref) and sync_log.
	Log(ctx context.Context, runs []table.Run) error

	// LastRuns returns the rows of sync_log of one central schema that match; empty filters match all.
	LastRuns(ctx context.Context, schema string, filter Filter) ([]LastRun, error)

	// Query runs a SELECT over the central tables of a schema as they are, or as they were at a version or time.
	Query(ctx context.Context, schema, sql string, at At) (Rows, error)

	// Tables returns the names of a schema's central tables, in order; none when the schema does not exist.
	Tables(ctx context.Context, schema string) ([]string, error)

	// History returns a table's commits, newest first; limit 0 means all.
	History(ctx context.Context, schema, name string, limit int) ([]Commit, error)

	// Optimize compacts the small files of a table and returns how many files went in and came out.
	Optimize(ctx context.Context, schema, name string, how Compaction) (removed, added int, err error)

	// Vacuum deletes files that no version younger than the retention refers to, and returns how many. A lake that
	// cannot count them returns -1.
	Vacuum(ctx context.Context, schema, name string, retention time.Duration) (deleted int, err error)

	// Sweep removes what was staged and not touched for so long: a run that was terminated leaves it. It
	// returns how many batches went.
	Sweep(ctx context.Context, olderThan time.Duration) (removed int, err error)

	Close() error
}

// Executor is a lake that runs its users' own SQL statements. Group keeps it within reach: see Unwrap.
type Executor interface {
	// Exec runs one statement with the schema as the current one, and discards what it returns.
	Exec(ctx context.Context, schema, statement string) error
}

// Compaction narrows and orders an Optimize; the zero value takes the whole table as it is.
type Compaction struct {
	// Where has the partitions to compact: values by partition column, any of which matches. A column
	// that the table is not partitioned by is an error.
	Where map[string][]string `json:"where,omitempty"`
	// ZOrderBy are columns whose near values go into the same files; a lake that cannot do so returns an error.
	ZOrderBy []string `json:"zorder_by,omitempty"`
}

// Table is a central table.
type Table struct {
	Schema      string            `json:"schema"`
	Name        string            `json:"name"`
	Columns     table.Schema      `json:"columns"`
	PartitionBy []string          `json:"partition_by,omitempty"`
	ClusterBy   []string          `json:"cluster_by,omitempty"` // liquid clustering: Databricks only, instead of PartitionBy
	Comment     string            `json:"comment,omitempty"`
	Properties  map[string]string `json:"properties,omitempty"`
	Version     int64             `json:"version"`
	Rows        int64             `json:"rows"`
	Files       int               `json:"files"`
	Bytes       int64             `json:"bytes"`
}

// MergeResult is what one batch changed.
type MergeResult struct {
	Inserted int64 `json:"inserted"`
	Updated  int64 `json:"updated"`
	Deleted  int64 `json:"deleted"`
	Version  int64 `json:"version"` // the table's version that has the batch
	Group    int   `json:"group"`   // how many batches went in the same commit
	// Note says what the batch changed in the table's columns: see DriftNote.
	Note string `json:"note,omitempty"`
}

// Filter narrows the sync log; empty fields match all.
type Filter struct {
	Sync, Region, Client string
	Clients, Tables      []string // any of them
}

// LastRun is a row of sync_log: the state of one client table. A failed run changes its status and
// error, and leaves the region, the last sync and the watermark.
type LastRun struct {
	table.Ref
	LastSync  time.Time `json:"last_sync_timestamp,omitzero"` // the end of the last run that was ok
	Watermark string    `json:"watermark,omitempty"`
	Kind      string    `json:"cursor_kind,omitempty"` // table.Cursor…
	Rows      int64     `json:"rows"`                  // rows staged by the last run
	Status    string    `json:"status"`
	Error     string    `json:"error,omitempty"`
	Started   time.Time `json:"started,omitzero"`
	Finished  time.Time `json:"finished,omitzero"`
	RunID     string    `json:"run_id,omitempty"`
}

// At is a point in a table's history; the zero value is now.
type At struct {
	Version *int64
	Time    time.Time
}

// Rows is a query's result, to be read once and closed. Values are Go's natural ones (int64,
// float64, string, bool, []byte, time.Time in UTC, nil); decimals are exact text.
type Rows interface {
	Columns() []table.Column
	Next() ([]any, bool)
	Err() error
	Close() error
}

// Commit is an entry of a table's history.
type Commit struct {
	Version    int64             `json:"version"`
	Time       time.Time         `json:"timestamp"`
	Operation  string            `json:"operation"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Metrics    map[string]string `json:"metrics,omitempty"`
}
