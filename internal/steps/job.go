package steps

import (
	"errors"

	"tributary/internal/table"
)

// Errors of this package, wrapped with what and which.
var (
	ErrExpression = errors.New("invalid expression")      // a rule, transform, rename or fill cannot be used as it is written; permanent
	ErrCollision  = errors.New("columns collide")         // two columns would have the same central name; permanent
	ErrType       = errors.New("type has no Delta type")  // a transform's result cannot be stored; permanent
	ErrRule       = errors.New("rule broken")             // rows broke a rule whose otherwise is "fail"; permanent
	ErrRaw        = errors.New("raw files are not whole") // missing, cut off, or not what was extracted: extract again
)

// The rules that hold for every table, by the names that quarantined rows and RuleCounts carry.
const (
	RuleIDsNotNull = "ids_not_null"
	RuleIDsUnique  = "ids_unique"
	RuleTenant     = "tenant"
)

// Job is one client table's run through the steps. The same Job goes to Validate and Transform.
type Job struct {
	Client table.Client
	Ref    table.Ref
	Spec   table.Spec
	Plan   table.Plan
	Raw    table.Raw // not needed by Compile
	// Dir is the run's own folder, an absolute path: the only one that the engine may touch. It holds
	// clean/, quarantine/ and, while a step runs, its spill.
	Dir    string
	Salts  map[string]string // secret reference → secret, for every Transform.Salt; not needed by Compile and Validate
	Limits Limits            // not needed with Pool
	Pool   *Pool             // keeps engines between steps; nil starts one for each step, that reaches Dir only
	// Progress is called with the rows read so far by this step, over all its passes; it never goes
	// back. It may be called from another goroutine, but never by two at once. Nil is allowed.
	Progress func(rows int64)
}

// Limits bound what one step may use.
type Limits struct {
	Memory  int64 // bytes for the engine's buffers, beyond which it spills to Dir; default 512 MiB
	Threads int   // default 2
}

// RuleCount is how many rows failed a rule. Otherwise is table.Warn, table.Quarantine or table.Fail.
type RuleCount struct {
	Name      string `json:"name"`
	Otherwise string `json:"otherwise"`
	Rows      int64  `json:"rows"`
}

// Validated is what Validate found. Read, Deduped, Quarantined, Warned and ZeroDates of its Counts are set.
type Validated struct {
	Counts table.Counts `json:"counts"`
	// Rules has the rules that always hold (those that apply) and then the table's own, in their order. A row that failed
	// several is counted in each of them, but once in Counts.
	Rules []RuleCount `json:"rules"`
	// Quarantine is the Parquet file with the quarantined rows, nil when there are none: every raw column, and _rule,
	// the names of the rules that the row failed, separated by ", ".
	Quarantine *table.File `json:"quarantine,omitempty"`
	// Excluded is the Parquet file that lists the rows that Transform leaves out; "" when there are none.
	Excluded string `json:"excluded,omitempty"`
}

// Transformed is what Transform wrote.
type Transformed struct {
	Schema table.Schema `json:"schema"` // the central table's columns, in order
	Files  []table.File `json:"files"`  // absolute paths in Dir/clean; none when there are no rows
	Rows   int64        `json:"rows"`   // the sum over Files
	// Kept is the Parquet file with the ids of the rows that a full reload quarantined, as table.Batch.Kept.
	Kept []table.File `json:"kept,omitempty"`
}
