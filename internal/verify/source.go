package verify

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// source is a client table's rows as they were read, as the lake must have them.
type source struct {
	rows    Rows
	layout  *rowhash.Layout
	columns []int // of the files, by column of the layout; -1 where they have none

	kind, bound string // of what is in flight; kind "" when nothing is
	cursor      int    // of the files
	noNulls     bool   // rows whose cursor is NULL are in no sync
	deleted     int    // of the files: the soft-delete column; -1 without one
	tenants     []tenant
	quarantined map[rowhash.Key]bool
}

// tenant is a column of the files that says whose a row is.
type tenant struct {
	column int
	value  string // of this client
}

// newSource finds the layout's columns in the files.
func newSource(in Input, layout *rowhash.Layout) (*source, error) {
	s := &source{rows: in.Rows, layout: layout, cursor: -1, deleted: -1, quarantined: map[rowhash.Key]bool{}}
	for _, c := range layout.Hasher.Columns() {
		s.columns = append(s.columns, in.Rows.Schema.Find(c.Name))
	}
	for _, t := range []tenant{{in.Rows.Schema.Find(table.ClientColumn), in.Ref.Client}, {in.Rows.Schema.Find(table.RegionColumn), in.Ref.Region}} {
		if t.column >= 0 {
			s.tenants = append(s.tenants, t)
		}
	}
	if name := in.Spec.Deletes.Column; name != "" {
		if s.deleted = in.Rows.Schema.Find(in.Spec.CentralName(name)); s.deleted < 0 {
			return nil, fmt.Errorf("the soft-delete column %q is not among the rows' columns", name)
		}
	}
	return s, nil
}

// leaves in flight what is at or above a bound of the cursor.
func (s *source) leaveInFlight(in Input, bound string) error {
	s.kind, s.bound, s.noNulls = in.Plan.CursorKind, bound, in.Spec.OnNullCursor == table.NullExclude
	if s.cursor = in.Rows.Schema.Find(in.Spec.CentralName(in.Plan.Cursor)); s.cursor < 0 {
		return fmt.Errorf("the cursor %q is not among the rows' columns", in.Plan.Cursor)
	}
	return nil
}

// piece is one batch of the files' rows.
type piece struct {
	rowhash.Batch
	record   arrow.RecordBatch
	inFlight func(row int) bool
	deleted  func(row int) bool
	foreign  func(row int) bool // it names another client or region, so that a sync quarantines it
}

func never(int) bool { return false }

func (s *source) piece(record arrow.RecordBatch) (piece, error) {
	p := piece{record: record, inFlight: never, deleted: never, foreign: never}
	p.Rows = int(record.NumRows())
	p.Arrays = make([]arrow.Array, len(s.columns))
	for i, c := range s.columns {
		if c >= 0 {
			p.Arrays[i] = record.Column(c)
		}
	}
	if s.deleted >= 0 {
		p.deleted = deletedRows(record.Column(s.deleted))
	}
	var err error
	if p.foreign, err = s.foreign(record); err != nil || s.kind == "" {
		return p, err
	}
	cursors := record.Column(s.cursor)
	above, err := inFlight(s.kind, s.bound, cursors)
	if err != nil {
		return p, err
	}
	p.inFlight = func(row int) bool { return above(row) || s.noNulls && cursors.IsNull(row) }
	return p, nil
}

func (s *source) foreign(record arrow.RecordBatch) (func(row int) bool, error) {
	if len(s.tenants) == 0 {
		return never, nil
	}
	texts := make([]*array.String, len(s.tenants))
	for i, t := range s.tenants {
		column, ok := record.Column(t.column).(*array.String)
		if !ok {
			return nil, fmt.Errorf("a column that says whose a row is has type %s", record.Column(t.column).DataType())
		}
		texts[i] = column
	}
	return func(row int) bool {
		for i, t := range s.tenants {
			if texts[i].IsValid(row) && texts[i].Value(row) != t.value {
				return true
			}
		}
		return false
	}, nil
}

// each calls f with all rows, from several goroutines.
func (s *source) each(ctx context.Context, f func(piece) error) error {
	return s.rows.each(ctx, func(record arrow.RecordBatch) error {
		p, err := s.piece(record)
		if err != nil {
			return err
		}
		return f(p)
	})
}

// skips says which rows are not in the lake, or not compared; nil where all are.
func (s *source) skips(p piece) (func(row int) bool, error) {
	if len(s.quarantined) == 0 && len(s.tenants) == 0 && s.deleted < 0 && s.kind == "" {
		return nil, nil
	}
	if len(s.quarantined) == 0 {
		return func(row int) bool { return p.deleted(row) || p.inFlight(row) || p.foreign(row) }, nil
	}
	apart := make([]bool, p.Rows)
	err := s.layout.KeysOf(p.Batch, func(row int, key []byte) error {
		apart[row] = s.quarantined[rowhash.Key(key)]
		return nil
	})
	return func(row int) bool { return apart[row] || p.deleted(row) || p.inFlight(row) || p.foreign(row) }, err
}

// found is what a first look at the rows finds.
type found struct {
	sample                        []rowhash.Key
	inFlight, foreign, softDelete int64
}

// sampled is about how many keys are looked at to make ranges.
const sampled = 1 << 14

// look samples the keys, and calls leave with the keys of the rows that are in flight or another's, one at a time. Of which kinds
// there are no rows is not asked of them again.
func (s *source) look(ctx context.Context, leave func(key rowhash.Key) error) (found, error) {
	step := max(1, int(s.rows.Count/sampled))
	var out found
	var mu sync.Mutex
	err := s.each(ctx, func(p piece) error {
		part, left, err := s.lookAt(p, step)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		out.sample = append(out.sample, part.sample...)
		out.inFlight, out.foreign, out.softDelete = out.inFlight+part.inFlight, out.foreign+part.foreign, out.softDelete+part.softDelete
		for _, key := range left {
			if err := leave(key); err != nil {
				return err
			}
		}
		return nil
	})
	if out.foreign == 0 {
		s.tenants = nil
	}
	if out.inFlight == 0 {
		s.kind = ""
	}
	if out.softDelete == 0 {
		s.deleted = -1
	}
	return out, err
}

// lookAt samples every step-th row of a piece, and returns the keys of those that are left out of the comparison.
func (s *source) lookAt(p piece, step int) (out found, left []rowhash.Key, err error) {
	keys, err := s.layout.KeyEncoder(p.Batch)
	if err != nil {
		return out, nil, err
	}
	for row := range p.Rows {
		switch {
		case p.foreign(row):
			out.foreign++
			left = append(left, rowhash.Key(keys.Append(nil, row)))
		case p.inFlight(row):
			out.inFlight++
			left = append(left, rowhash.Key(keys.Append(nil, row)))
		case p.deleted(row):
			out.softDelete++
		case row%step == 0:
			out.sample = append(out.sample, rowhash.Key(keys.Append(nil, row)))
		}
	}
	return out, left, nil
}

// checksums sums the rows that are compared.
func (s *source) checksums(ctx context.Context, progress func(rows int64)) (rowhash.Checksums, error) {
	total := s.layout.NewChecksums()
	var rows int64
	var mu sync.Mutex
	err := s.each(ctx, func(p piece) error {
		part := s.layout.NewChecksums()
		skips, err := s.skips(p)
		if err == nil {
			err = part.Add(s.layout, p.Batch, skips)
		}
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		total.Merge(part)
		rows += int64(p.Rows)
		if progress != nil {
			progress(rows)
		}
		return nil
	})
	return total, err
}

// visit calls row with the rows of a part that are compared; not from two goroutines at once. The key is valid during the call.
func (s *source) visit(ctx context.Context, part rowhash.Part, row func(p piece, n int, key []byte, hash uint64) error) error {
	var mu sync.Mutex
	return s.each(ctx, func(p piece) error {
		skips, err := s.skips(p)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		return s.layout.Visit(p.Batch, skips, func(n int, key []byte, hash uint64) error {
			if !part.Has(key) {
				return nil
			}
			return row(p, n, key, hash)
		})
	})
}

// everything is the part of all keys.
var everything = rowhash.Part{{}}

// readKeys adds the keys of files of ids, as Transform keeps those of quarantined rows.
func (s *source) readKeys(ctx context.Context, files []table.File) error {
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	var mu sync.Mutex
	return Rows{Parquet: paths}.each(ctx, func(record arrow.RecordBatch) error {
		encoder, err := s.layout.Keys.EncoderOf(record)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for row := range int(record.NumRows()) {
			s.quarantined[rowhash.Key(encoder.Append(nil, row))] = true
		}
		return nil
	})
}
