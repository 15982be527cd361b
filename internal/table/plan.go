package table

import (
	"slices"
	"strings"
	"time"
)

// Plan is what one run of a client table will read: the spec held against what the source has
// now, and the watermark. Names are common source names (after Client.Columns, before rename).
type Plan struct {
	Columns    []SourceColumn `json:"columns"`
	IDs        []string       `json:"ids"`
	Cursor     string         `json:"cursor,omitempty"`
	CursorKind string         `json:"cursor_kind,omitempty"` // CursorTime, CursorDate, CursorInteger or CursorString; "" without a cursor
	Watermark  string         `json:"watermark,omitempty"`   // where the last committed window ended; "" on a first run
	Comment    string         `json:"comment,omitempty"`     // the source table's comment
}

// SourceColumn is a column that is read.
type SourceColumn struct {
	Source     string `json:"source"`      // its name at this client
	Name       string `json:"name"`        // its common name
	SourceType string `json:"source_type"` // as the source writes it: "int(10) unsigned"
	Type       Type   `json:"type"`
	Charset    string `json:"charset,omitempty"` // of texts, unless it is utf8mb4
	Nullable   bool   `json:"nullable,omitempty"`
	Comment    string `json:"comment,omitempty"`
}

// Schema returns the plan's columns under their common names: the schema of the raw files.
func (p Plan) Schema() Schema {
	s := make(Schema, len(p.Columns))
	for i, c := range p.Columns {
		s[i] = Column{Name: c.Name, Type: c.Type, Nullable: c.Nullable, Comment: c.Comment}
	}
	return s
}

// Raw is what Extract left on the worker's scratch disk: Arrow IPC stream files whose schema is
// that of Plan.Schema. It never leaves the region.
type Raw struct {
	Files     []string `json:"files"` // absolute paths
	Rows      int64    `json:"rows"`
	Bytes     int64    `json:"bytes"` // on disk
	ZeroDates int64    `json:"zero_dates,omitempty"`
	Window    Window   `json:"window"` // what was read
	// Server is which server the rows were read from, as it names itself; "" where it does not. One address may lead to several.
	Server string `json:"server,omitempty"`
	// ReadAt is the source's clock before the first row was read; set where the spec has a History.
	ReadAt time.Time `json:"read_at,omitzero"`
	// Watermark is where the next window begins once this one is committed, less the overlap: Window.High, or earlier when rows
	// below it may still arrive (open transactions, replicas), or "" when nothing was learned: the last one stays.
	Watermark string `json:"watermark,omitempty"`
	// Notes say what was no failure and that somebody should know, such as a transaction that holds the watermark back.
	Notes []string `json:"notes,omitempty"`
	// Keys are files of the same kind with the columns of Plan.KeyPlan, for every row that the source had after Files were
	// read, whatever its cursor; at least one when they were read, none when not. KeyRows is their number of rows.
	Keys    []string `json:"keys,omitempty"`
	KeyRows int64    `json:"key_rows,omitempty"`
}

// KeyPlan is the plan that reads what tells a table's rows apart, of all rows: the ids, and the columns that say whose a
// row is. Where a SQL transform makes an id, it reads every column, as any may be part of it.
func (p Plan) KeyPlan(spec Spec) Plan {
	keys := Plan{IDs: p.IDs, Comment: p.Comment}
	isID := func(name string) bool {
		return slices.ContainsFunc(p.IDs, func(id string) bool { return strings.EqualFold(id, name) })
	}
	bySQL := slices.ContainsFunc(spec.Transform, func(t Transform) bool {
		return t.SQL != "" && slices.ContainsFunc(p.IDs, func(id string) bool { return strings.EqualFold(spec.CentralName(id), t.Column) })
	})
	for _, c := range p.Columns {
		central := spec.CentralName(c.Name)
		if bySQL || isID(c.Name) || strings.EqualFold(central, ClientColumn) || strings.EqualFold(central, RegionColumn) {
			keys.Columns = append(keys.Columns, c)
		}
	}
	return keys
}
