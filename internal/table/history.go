package table

import (
	"cmp"
	"slices"
)

// What a central table keeps of the earlier versions of its rows (SCD type 2): Spec.History and Batch.History.
const (
	HistoryAlso = "also" // a second table, of versions, beside the one of the latest rows
	HistoryOnly = "only" // the table itself has versions
)

// HistorySuffix ends the name of the table of versions beside a table of the latest rows.
const HistorySuffix = "_history"

// The columns that Tributary adds to a table of versions. A row's versions are half-open, [valid_from, valid_to), and never
// overlap; the one that is valid now has no valid_to, and is_current is true for it alone.
const (
	ValidFrom = "valid_from"
	ValidTo   = "valid_to"
	IsCurrent = "is_current"
)

// Versions are those columns.
func Versions() Schema {
	return Schema{
		{Name: ValidFrom, Type: Timestamp, Nullable: true, Comment: "when this version of the row became valid"},
		{Name: ValidTo, Type: Timestamp, Nullable: true, Comment: "when it ceased to be; NULL while it is valid"},
		{Name: IsCurrent, Type: Boolean, Nullable: true, Comment: "whether it is valid now"},
	}
}

// WithVersions returns the schema of a table of versions of rows with schema s.
func (s Schema) WithVersions() Schema { return slices.Concat(s, Versions()) }

// HistoryTable is the central table of the spec that has versions; "" when it keeps none.
func (s Spec) HistoryTable() string {
	switch s.History {
	case HistoryAlso:
		return s.Target + HistorySuffix
	case HistoryOnly:
		return s.Target
	}
	return ""
}

// Targets are the central tables of the spec: Target, and the one of versions beside it.
func (s Spec) Targets() []string {
	if s.History == HistoryAlso {
		return []string{s.Target, s.HistoryTable()}
	}
	return []string{s.Target}
}

// LoggedTable is the table that sync_log has the run under: of a table of versions beside another, the other.
func (b Batch) LoggedTable() string { return cmp.Or(b.LoggedAs, b.Ref.Table) }

// Parts are what a lake merges for the batch, in that order: one central table each. In a part, History is "" for latest rows
// or HistoryOnly for versions.
func (b Batch) Parts() []Batch {
	if b.History != HistoryAlso {
		return []Batch{b}
	}
	latest, versions := b, b
	latest.History, versions.History = "", HistoryOnly
	versions.LoggedAs = b.LoggedTable()
	versions.Ref.Table += HistorySuffix
	versions.MaxDeleteShare = 0 // the latest rows, which are merged first, are what it is a share of
	return []Batch{latest, versions}
}
