package verify

import (
	"time"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// Statuses of a verification.
const (
	StatusEqual     = "equal"
	StatusDifferent = "different"
	StatusRepaired  = "repaired"     // it was different, and is equal now
	StatusNever     = "never_synced" // there is nothing to compare with
)

// Report is what a verification of one client table found. It has no values but keys.
type Report struct {
	table.Ref
	Status   string    `json:"status"`
	Run      string    `json:"run"` // of which it is a part
	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`

	LastSync   time.Time `json:"last_sync,omitzero"`
	Watermark  string    `json:"watermark,omitempty"`  // where the last committed window ended when it began
	Settled    string    `json:"settled,omitempty"`    // rows with a cursor below, or none, are compared: the watermark, or what the overlap is below it; "" for all
	Cursor     string    `json:"cursor,omitempty"`     // central name
	Version    int64     `json:"version"`              // of the central table that was read
	Columns    []string  `json:"columns"`              // that are compared, with those of the key
	Keys       []string  `json:"keys"`                 // central names of the ids
	Uncompared []string  `json:"uncompared,omitempty"` // columns at one side only that are not compared

	Source Side `json:"source"`
	Lake   Side `json:"lake"`
	// InFlight rows have changed at the source since Settled, and are left out at both sides, as are those in Quarantine.
	InFlight    int64 `json:"in_flight"`
	Quarantined int64 `json:"quarantined,omitempty"`
	SoftDeleted int64 `json:"soft_deleted,omitempty"` // marked as deleted at the source: the lake has none of them

	Ranges      []Range     `json:"ranges"` // by key, in order
	Differences Differences `json:"differences"`
	Repair      *Repair     `json:"repair,omitempty"`
	Notes       []string    `json:"notes,omitempty"`
	// Versions is what was found in the table of versions beside the one of the latest rows, of the versions that are valid now: nil
	// where there is none. What differs there makes the whole different.
	Versions *Report `json:"versions,omitempty"`
	// Unversioned, of Versions, are rows that have none yet: no difference, as history may have begun after they were read.
	Unversioned int64 `json:"unversioned,omitempty"`
}

// Side is what one side has of the rows that are compared.
type Side struct {
	Rows      int64  `json:"rows"`
	Checksum  string `json:"checksum"` // see rowhash.Sum
	MinCursor string `json:"min_cursor,omitempty"`
	MaxCursor string `json:"max_cursor,omitempty"`
}

// Range is what both sides have of a range of keys: from From on, below To. An absent one is open.
type Range struct {
	From   []string `json:"from,omitempty"`
	To     []string `json:"to,omitempty"`
	Source Sum      `json:"source"`
	Lake   Sum      `json:"lake"`
}

// Sum is a range's rows at one side.
type Sum struct {
	Rows     int64  `json:"rows"`
	Checksum string `json:"checksum"`
}

// Differences are counted up to a bound, and listed up to a smaller one.
type Differences struct {
	OnlySource int64 `json:"only_source"` // rows that the lake lacks
	OnlyLake   int64 `json:"only_lake"`   // rows that the source lacks
	Different  int64 `json:"different"`   // rows with the same key and other values
	Doubled    int64 `json:"doubled"`     // rows of the lake whose key another row has too
	// More says that so many rows differ that no more were looked for: each number is the least that it is.
	More bool         `json:"more,omitempty"`
	Keys []Difference `json:"keys,omitempty"`
}

// Count is how many rows differ; with More, at least.
func (d Differences) Count() int64 { return d.OnlySource + d.OnlyLake + d.Different + d.Doubled }

// Kinds of Difference.
const (
	OnlySource = "only_source"
	OnlyLake   = "only_lake"
	Different  = "different"
	Doubled    = "doubled"
)

// Difference is a row that differs.
type Difference struct {
	Key     []string `json:"key"` // values of Report.Keys
	Kind    string   `json:"kind"`
	Columns []string `json:"columns,omitempty"` // that differ, of the first rows that are Different
}

// Repair is what became of a repair.
type Repair struct {
	Upserted int64  `json:"upserted"` // rows that were brought again
	Deleted  int64  `json:"deleted"`  // rows that the source does not have
	Version  int64  `json:"version"`  // of the central table afterwards
	Source   Side   `json:"source"`   // of what was compared again
	Lake     Side   `json:"lake"`
	Refused  string `json:"refused,omitempty"` // why nothing was repaired
	Note     string `json:"note,omitempty"`    // what was not mended, and how to mend it
}

// Bounds of a report, so that it fits into a payload.
const (
	maxKeys      = 200
	maxKeyBytes  = 64 << 10 // of their texts
	maxExplained = 100      // different rows whose columns are named
)

func sideOf(l *rowhash.Layout, c rowhash.Checksums) Side {
	total := c.Total()
	s := Side{Rows: total.Rows, Checksum: total.String()}
	if c.Low != "" {
		s.MinCursor, s.MaxCursor = l.Cursor.Text(c.Low)[0], l.Cursor.Text(c.High)[0]
	}
	return s
}

func rangesOf(l *rowhash.Layout, source, lake rowhash.Checksums) []Range {
	ranges := make([]Range, l.Ranges.Len())
	for n := range ranges {
		i := l.Ranges.Interval(n)
		r := Range{Source: sumOf(source.Ranges[n]), Lake: sumOf(lake.Ranges[n])}
		if i.From != "" {
			r.From = l.Keys.Text(i.From)
		}
		if i.To != "" {
			r.To = l.Keys.Text(i.To)
		}
		ranges[n] = r
	}
	return ranges
}

func sumOf(s rowhash.Sum) Sum { return Sum{Rows: s.Rows, Checksum: s.String()} }
