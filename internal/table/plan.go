package table

// Plan is what one run of a client table will read: the spec held against what the source has
// now, and the watermark. Names are common source names (after Client.Columns, before rename).
type Plan struct {
	Columns    []SourceColumn `json:"columns"`
	IDs        []string       `json:"ids"`
	Cursor     string         `json:"cursor,omitempty"`
	CursorKind string         `json:"cursor_kind,omitempty"` // CursorTime, CursorDate or CursorInteger; "" without a cursor
	Watermark  string         `json:"watermark,omitempty"`   // where the last committed window ended; "" on a first run
	Comment    string         `json:"comment,omitempty"`     // the source table's comment
}

// SourceColumn is a column that is read.
type SourceColumn struct {
	Source     string `json:"source"`      // its name at this client
	Name       string `json:"name"`        // its common name
	SourceType string `json:"source_type"` // as the source writes it: "int(10) unsigned"
	Type       Type   `json:"type"`
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
	// Watermark is where the next window begins once this one is committed: Window.High, or "" when
	// nothing was learned (an empty table read by id).
	Watermark string `json:"watermark,omitempty"`
}
