package arrowfile

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
)

// Sizes of a batch that is read from Parquet: so many rows at the most, of about so many bytes together as the file has them. Texts with a
// dictionary may take far more in memory; but who wrote them held a row group in memory, of which a batch is no more than an eighth.
const (
	batchRows  = 4 << 10
	batchBytes = 8 << 20
	batchShare = 8
	leastRows  = 64
)

// Parquet is an open Parquet file. Several goroutines may read its row groups at once.
type Parquet struct {
	path   string
	file   *file.Reader
	reader *pqarrow.FileReader
	schema *arrow.Schema
}

// OpenParquet opens a file; the batches' buffers are the pool's.
func OpenParquet(path string, pool *Pool) (p *Parquet, err error) {
	defer damaged(&err, path)
	f, err := file.OpenParquetFile(path, false, file.WithReadProps(parquet.NewReaderProperties(pool)))
	if err != nil {
		return nil, err
	}
	p = &Parquet{path: path, file: f}
	if p.reader, err = pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: p.batch()}, pool); err == nil {
		p.schema, err = p.reader.Schema()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return p, nil
}

// batch is how many rows a batch has: fewer where they are wide.
func (p *Parquet) batch() int64 {
	var rows, bytes, most int64
	for _, g := range p.file.MetaData().GetRowGroups() {
		rows, bytes, most = rows+g.GetNumRows(), bytes+g.GetTotalByteSize(), max(most, g.GetNumRows())
	}
	return max(min(batchRows, batchBytes*rows/max(bytes, 1), most/batchShare), leastRows)
}

// RowGroupBytes is the size of the largest row group, without compression.
func (p *Parquet) RowGroupBytes() (most int64) {
	for _, g := range p.file.MetaData().GetRowGroups() {
		most = max(most, g.GetTotalByteSize())
	}
	return most
}

// Schema is the columns as Arrow has them.
func (p *Parquet) Schema() *arrow.Schema { return p.schema }

// Flat says whether no column is nested.
func (p *Parquet) Flat() bool { return p.file.MetaData().Schema.NumColumns() == p.schema.NumFields() }

// RowGroups are the numbers of rows of the row groups, in order.
func (p *Parquet) RowGroups() []int64 {
	rows := make([]int64, p.file.NumRowGroups())
	for n := range rows {
		rows[n] = p.file.MetaData().RowGroup(n).NumRows()
	}
	return rows
}

// Each calls batch with the batches of a row group in order: of those columns, by their number in a flat schema; nil is all.
// A batch is valid during the call.
func (p *Parquet) Each(ctx context.Context, rowGroup int, columns []int, batch func(arrow.RecordBatch) error) error {
	reader, err := p.open(ctx, rowGroup, columns)
	if err != nil {
		return err
	}
	defer reader.Release()
	for {
		more, err := p.next(reader)
		if err != nil || !more {
			return err
		}
		if err := errors.Join(ctx.Err(), batch(reader.RecordBatch())); err != nil {
			return err
		}
	}
}

func (p *Parquet) open(ctx context.Context, rowGroup int, columns []int) (reader pqarrow.RecordReader, err error) {
	defer damaged(&err, p.path)
	return p.reader.GetRecordReader(ctx, columns, []int{rowGroup})
}

func (p *Parquet) next(reader pqarrow.RecordReader) (more bool, err error) {
	defer damaged(&err, p.path)
	if more = reader.Next(); !more {
		err = reader.Err()
	}
	return more, err
}

// damaged names the file in an error, and makes one of a panic: the library has them for files that are not whole.
func damaged(err *error, path string) {
	if fault := recover(); fault != nil {
		*err = fmt.Errorf("the file is damaged: %v", fault)
	}
	if *err != nil && !errors.Is(*err, os.ErrNotExist) {
		*err = fmt.Errorf("%s: %w", path, *err)
	}
}

// Close closes the file.
func (p *Parquet) Close() error { return p.file.Close() }
