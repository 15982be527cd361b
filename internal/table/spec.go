package table

import (
	"slices"
	"strings"
	"time"
)

// Spec is a table spec: what to read from one source table and what to make of it. It is complete
// and checked when it leaves package config: defaults are filled in.
type Spec struct {
	Name      string            `json:"name"`             // the source table
	Target    string            `json:"target,omitempty"` // the central table; default Name
	IDs       []string          `json:"ids,omitempty"`    // source column names; default: the primary key found at the source
	Cursor    string            `json:"cursor,omitempty"` // source column name; "" means a full reload on every run
	Columns   []string          `json:"columns,omitempty"`
	Exclude   []string          `json:"exclude,omitempty"`
	Where     string            `json:"where,omitempty"`  // MariaDB SQL
	Rename    map[string]string `json:"rename,omitempty"` // common source name → central name
	Fill      map[string]string `json:"fill,omitempty"`   // central name → constant; ${client.id}, ${client.region} and ${client.database} are replaced
	Transform []Transform       `json:"transform,omitempty"`
	Expect    []Rule            `json:"expect,omitempty"`
	Deletes   Deletes           `json:"deletes,omitzero"`
	History   string            `json:"history,omitempty"` // "" (the latest rows alone), HistoryAlso or HistoryOnly

	// Snapshot has a table that is read in chunks read in one consistent snapshot, as one without a cursor is anyway. What
	// such a read got is then of no use to the next attempt.
	Snapshot bool `json:"snapshot,omitempty"`

	OnNullCursor string        `json:"on_null_cursor,omitempty"` // NullInclude (default), NullExclude or NullFail
	Overlap      time.Duration `json:"overlap,omitempty"`        // how far before the watermark a window over time begins; default 10m
	OverlapRows  int64         `json:"overlap_rows,omitempty"`   // the same for an ever-growing id, in units of the id
	ZeroDates    string        `json:"zero_dates,omitempty"`     // "null" (default, counted) or "fail"
	TinyInt1     string        `json:"tinyint1,omitempty"`       // "number" (default) or "boolean"
	// Types are types that columns (common source names) are read as, instead of those of the guide's table.
	Types        map[string]Type `json:"types,omitempty"`
	DatetimeZone string          `json:"datetime_zone,omitempty"` // IANA name; default UTC
	Drift        string          `json:"drift,omitempty"`         // DriftEvolve (default), DriftIgnore or DriftFail
	PartitionBy  []string        `json:"partition_by,omitempty"`  // default [region, client_id], unless ClusterBy is set
	ClusterBy    []string        `json:"cluster_by,omitempty"`    // liquid clustering, on Databricks
	ZOrderBy     []string        `json:"zorder_by,omitempty"`     // of `tributary maintain`
	// Properties are table properties that the central table is created with. One that is there keeps its own.
	Properties map[string]string `json:"properties,omitempty"`
}

// What becomes of rows whose cursor is NULL.
const (
	NullInclude = "include" // read on every run
	NullExclude = "exclude" // never read
	NullFail    = "fail"    // the client table fails
)

// What becomes of source columns that the central table does not have.
const (
	DriftEvolve = "evolve" // the column is added
	DriftIgnore = "ignore" // the column is left out
	DriftFail   = "fail"   // the client table fails
)

// Transform changes one column, named by its central name; exactly one of Hash, Mask and SQL is
// set. The steps run in order, each on the result of the one before.
type Transform struct {
	Column string `json:"column"`
	Hash   string `json:"hash,omitempty"` // "sha256": hex of SHA-256(salt || value as text); NULL stays NULL
	Salt   string `json:"salt,omitempty"` // a secret reference
	Mask   string `json:"mask,omitempty"` // "all", "email", or "last4": see package steps
	SQL    string `json:"sql,omitempty"`  // a DuckDB expression over the row's columns
}

// Rule is an expectation of every row, a DuckDB boolean expression over the row's columns by
// their common source names (before rename). A row fails it when it is false; NULL passes, as in a SQL CHECK.
type Rule struct {
	Name      string `json:"name"`
	That      string `json:"that"`
	Otherwise string `json:"otherwise"` // Warn, Quarantine or Fail
}

// What becomes of a row that fails a rule.
const (
	Warn       = "warn"       // counted, kept
	Quarantine = "quarantine" // counted, kept apart, not merged
	Fail       = "fail"       // the client table fails
)

// Deletes says how deleted rows are recognised.
type Deletes struct {
	// Column is a soft-delete column (common source name): a row in which it is neither NULL, false nor 0 is
	// deleted from the central table.
	Column string `json:"column,omitempty"`
	// Reconcile has each run with a cursor read the ids of all rows too, and delete the client's central rows that are
	// not among them. Without a cursor each run is a full reload, which does so anyway.
	Reconcile bool `json:"reconcile,omitempty"`
	// MaxShare is the largest share of the client's central rows that a run may delete because the source no
	// longer has them; beyond it the run fails. 0 and 1 are no bound. Configurations default to 0.5.
	MaxShare float64 `json:"max_share,omitempty"`
}

// Reload returns the spec of a full reload: it has no cursor, and reads that column as before.
func (s Spec) Reload() Spec {
	if has := func(name string) bool { return strings.EqualFold(name, s.Cursor) }; len(s.Columns) > 0 && s.Cursor != "" && !slices.ContainsFunc(s.Columns, has) {
		s.Columns = append(slices.Clone(s.Columns), s.Cursor)
	}
	s.Cursor = ""
	return s
}

// CentralName returns the central name of a column, given its common source name.
func (s Spec) CentralName(name string) string {
	for source, central := range s.Rename {
		if strings.EqualFold(source, name) {
			return central
		}
	}
	return name
}
