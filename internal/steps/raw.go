package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// errEnd is the end of all raw files; not io.EOF, which errors of damaged files wrap.
var errEnd = errors.New("end of the raw files")

// rawFiles reads the record batches of all raw files of a run, one after the other, and holds one
// batch at a time. What is wrong with the files is an ErrRaw.
type rawFiles struct {
	ctx    context.Context
	raw    table.Raw
	schema *arrow.Schema // that every file must have
	pool   *arrowfile.Pool

	opened  int    // files opened so far
	path    string // of the last one
	reader  *arrowfile.Reader
	current arrow.RecordBatch // owned by reader
	rows    int64             // in the batches before and including current
}

func newRawFiles(ctx context.Context, raw table.Raw, columns table.Schema, pool *arrowfile.Pool) (*rawFiles, error) {
	schema, err := arrowSchema(columns)
	if err != nil {
		return nil, err
	}
	return &rawFiles{ctx: ctx, raw: raw, schema: schema, pool: pool}, nil
}

// next moves to the next batch that has rows. At the end it returns errEnd, after checking that as many
// rows came as were extracted.
func (f *rawFiles) next() (arrow.RecordBatch, error) {
	for {
		if err := f.ctx.Err(); err != nil {
			return nil, err
		}
		if f.reader == nil {
			if f.opened == len(f.raw.Files) {
				return nil, f.end()
			}
			if err := f.open(f.raw.Files[f.opened]); err != nil {
				return nil, err
			}
			f.opened++
		}
		if f.reader.Next() {
			f.current = f.reader.RecordBatch()
			f.rows += f.current.NumRows()
			if f.current.NumRows() == 0 {
				continue
			}
			return f.current, nil
		}
		if err := f.reader.Err(); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrRaw, f.path, err)
		}
		f.close()
	}
}

func (f *rawFiles) end() error {
	if f.raw.Rows != unknownRows && f.rows != f.raw.Rows {
		return fmt.Errorf("%w: they have %d rows, %d were extracted", ErrRaw, f.rows, f.raw.Rows)
	}
	return errEnd
}

func (f *rawFiles) open(path string) error {
	reader, err := arrowfile.Open(path, f.pool)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrRaw, err)
	}
	f.path, f.reader = path, reader
	return f.checkSchema(path)
}

func (f *rawFiles) checkSchema(path string) error {
	got := f.reader.Schema()
	if got.NumFields() != f.schema.NumFields() {
		return fmt.Errorf("%w: %s has %d columns, the plan has %d", ErrRaw, path, got.NumFields(), f.schema.NumFields())
	}
	for i, want := range f.schema.Fields() {
		if have := got.Field(i); have.Name != want.Name || !arrow.TypeEqual(have.Type, want.Type) {
			return fmt.Errorf("%w: %s: column %d is %s %s, in the plan %s %s",
				ErrRaw, path, i+1, have.Name, have.Type, want.Name, want.Type)
		}
	}
	return nil
}

// close closes the file that is open; the next call to next opens the one after it.
func (f *rawFiles) close() {
	if f.reader == nil {
		return
	}
	f.reader.Close()
	f.reader, f.current = nil, nil
}
