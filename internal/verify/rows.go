package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"golang.org/x/sync/errgroup"

	"tributary/internal/rawfile"
	"tributary/internal/table"
)

// Rows are a client table's rows as they were read, on this worker's scratch disk.
type Rows struct {
	Schema  table.Schema // central names and the types that the source gives, in the order of the files' columns
	Arrow   []string     // Arrow IPC stream files, or else:
	Parquet []string
	Count   int64
}

const (
	readers     = 2       // goroutines that a pass over rows uses
	parquetRows = 1 << 16 // of a batch
)

// each calls batch with all rows, from several goroutines. A batch is valid during the call.
func (r Rows) each(ctx context.Context, batch func(arrow.RecordBatch) error) error {
	if len(r.Arrow) > 0 {
		return r.eachArrow(ctx, batch)
	}
	return r.eachParquet(ctx, batch)
}

// eachArrow reads several files at once: whoever looks at keys alone waits for the reading.
func (r Rows) eachArrow(ctx context.Context, batch func(arrow.RecordBatch) error) error {
	group, ctx := errgroup.WithContext(ctx)
	queue := make(chan arrow.RecordBatch, readers)
	pool := &rawfile.Pool{}
	group.Go(func() error {
		defer close(queue)
		reading, ctx := errgroup.WithContext(ctx)
		reading.SetLimit(readers)
		for _, path := range r.Arrow {
			reading.Go(func() error { return r.readArrow(ctx, path, pool, queue) })
		}
		return reading.Wait()
	})
	for range readers {
		group.Go(func() error {
			var err error
			for b := range queue {
				if err == nil {
					err = batch(b)
				}
				b.Release()
				if err != nil {
					return err // the reader ends with the context
				}
			}
			return nil
		})
	}
	err := group.Wait()
	for b := range queue {
		b.Release()
	}
	return err
}

func (r Rows) readArrow(ctx context.Context, path string, pool *rawfile.Pool, queue chan<- arrow.RecordBatch) error {
	reader, err := rawfile.Open(path, pool)
	if err != nil {
		return fmt.Errorf("read the rows again: %w", err)
	}
	defer reader.Close()
	for reader.Next() {
		b := reader.RecordBatch()
		if int(b.NumCols()) != len(r.Schema) {
			return fmt.Errorf("read the rows again: %s has %d columns, not %d", path, b.NumCols(), len(r.Schema))
		}
		b.Retain()
		select {
		case queue <- b:
		case <-ctx.Done():
			b.Release()
			return context.Cause(ctx)
		}
	}
	if err := reader.Err(); err != nil {
		return fmt.Errorf("read the rows again: %s: %w", path, err)
	}
	return nil
}

// rowGroup is one row group of a Parquet file.
type rowGroup struct {
	reader *pqarrow.FileReader
	number int
}

func (r Rows) eachParquet(ctx context.Context, batch func(arrow.RecordBatch) error) (err error) {
	var files []*file.Reader
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	for _, path := range r.Parquet {
		f, err := file.OpenParquetFile(path, false)
		if err != nil {
			return fmt.Errorf("read the rows again: %s: %w", path, err)
		}
		files = append(files, f)
	}
	groups, err := rowGroups(files)
	if err != nil {
		return err
	}
	queue := make(chan rowGroup, len(groups))
	for _, g := range groups {
		queue <- g
	}
	close(queue)
	work, ctx := errgroup.WithContext(ctx)
	for range readers {
		work.Go(func() error {
			for g := range queue {
				if err := g.each(ctx, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}

func rowGroups(files []*file.Reader) ([]rowGroup, error) {
	var groups []rowGroup
	for _, f := range files {
		reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: parquetRows}, memory.DefaultAllocator)
		if err != nil {
			return nil, fmt.Errorf("read the rows again: %w", err)
		}
		for n := range f.NumRowGroups() {
			groups = append(groups, rowGroup{reader, n})
		}
	}
	return groups, nil
}

func (g rowGroup) each(ctx context.Context, batch func(arrow.RecordBatch) error) error {
	reader, err := g.reader.GetRecordReader(ctx, nil, []int{g.number})
	if err != nil {
		return fmt.Errorf("read the rows again: %w", err)
	}
	defer reader.Release()
	for reader.Next() {
		if err := errors.Join(ctx.Err(), batch(reader.RecordBatch())); err != nil {
			return err
		}
	}
	return reader.Err()
}
