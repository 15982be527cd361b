package steps

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// scan is one pass over raw rows as DuckDB sees them: an array.RecordReader with the columns
// that a query needs, and on request each row's position and whether it is excluded.
// Its methods are called by one goroutine at a time.
type scan struct {
	files   *rawFiles
	columns []int // of the raw schema
	schema  *arrow.Schema

	position bool     // adds each row's number, from 0, in the order of the raw files
	excluded *bitset  // adds whether a row is excluded, when not nil
	observe  observer // sees each batch, when not nil
	maxRows  int64    // ends the scan at the first batch that reaches it; 0 is no bound
	maxBytes int64    // the same, for the size of the batches in memory

	pending  arrow.RecordBatch // read ahead, not yet given out
	out      arrow.RecordBatch
	rows     int64
	bytes    int64
	err      error
	progress func(int64)
}

type observer interface{ observe(arrow.RecordBatch) }

// describe sets the schema, after the other fields are set.
func (s *scan) describe(names internalNames) {
	fields := make([]arrow.Field, 0, len(s.columns)+2)
	for _, i := range s.columns {
		fields = append(fields, s.files.schema.Field(i))
	}
	if s.position {
		fields = append(fields, arrow.Field{Name: names.position, Type: arrow.PrimitiveTypes.Int64})
	}
	if s.excluded != nil {
		fields = append(fields, arrow.Field{Name: names.excluded, Type: arrow.FixedWidthTypes.Boolean})
	}
	s.schema = arrow.NewSchema(fields, nil)
}

// more starts another scan where a bounded one ended, and says whether there are rows left.
func (s *scan) more() (bool, error) {
	s.rows, s.bytes = 0, 0
	if s.pending == nil && s.err == nil {
		s.pending, s.err = s.files.next()
	}
	if errors.Is(s.err, errEnd) {
		return false, nil
	}
	return s.err == nil, s.err
}

// Next implements array.RecordReader.
func (s *scan) Next() bool {
	s.drop()
	if s.err != nil || s.maxRows > 0 && s.rows >= s.maxRows || s.maxBytes > 0 && s.bytes >= s.maxBytes {
		return false
	}
	batch := s.pending
	s.pending = nil
	if batch == nil {
		if batch, s.err = s.files.next(); s.err != nil {
			return false
		}
	}
	s.rows += batch.NumRows()
	s.bytes += size(batch)
	if s.observe != nil {
		s.observe.observe(batch)
	}
	s.out = s.project(batch)
	if s.progress != nil {
		s.progress(batch.NumRows())
	}
	return true
}

func (s *scan) project(batch arrow.RecordBatch) arrow.RecordBatch {
	first := s.files.rows - batch.NumRows()
	columns := make([]arrow.Array, 0, len(s.columns)+2)
	for _, i := range s.columns {
		columns = append(columns, batch.Column(i))
	}
	if s.position {
		positions := positions(first, batch.NumRows())
		defer positions.Release()
		columns = append(columns, positions)
	}
	if s.excluded != nil {
		excluded := s.excluded.slice(first, batch.NumRows())
		defer excluded.Release()
		columns = append(columns, excluded)
	}
	return array.NewRecordBatch(s.schema, columns, batch.NumRows())
}

func (s *scan) drop() {
	if s.out != nil {
		s.out.Release()
		s.out = nil
	}
}

// Err implements array.RecordReader.
func (s *scan) Err() error {
	if errors.Is(s.err, errEnd) {
		return nil
	}
	return s.err
}

// Schema implements array.RecordReader.
func (s *scan) Schema() *arrow.Schema { return s.schema }

// RecordBatch implements array.RecordReader.
func (s *scan) RecordBatch() arrow.RecordBatch { return s.out }

// Record implements array.RecordReader.
func (s *scan) Record() arrow.RecordBatch { return s.out }

// Retain implements array.RecordReader; the scan's owner closes it, not the last user.
func (s *scan) Retain() {}

// Release implements array.RecordReader.
func (s *scan) Release() {}

// close frees what the scan holds and closes its files.
func (s *scan) close() {
	s.drop()
	s.pending = nil
	s.files.close()
}

func positions(first, rows int64) arrow.Array {
	builder := array.NewInt64Builder(memory.DefaultAllocator)
	defer builder.Release()
	builder.Reserve(int(rows))
	for i := range rows {
		builder.UnsafeAppend(first + i)
	}
	return builder.NewArray()
}

// size is about how many bytes a batch takes in memory.
func size(batch arrow.RecordBatch) int64 {
	var total uint64
	for _, column := range batch.Columns() {
		total += column.Data().SizeInBytes()
	}
	return int64(total)
}
