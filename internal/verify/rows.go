package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
)

// Rows are a client table's rows as they were read, on this worker's scratch disk.
type Rows struct {
	Schema  table.Schema // central names and the types that the source gives, in the order of the files' columns
	Arrow   []string     // Arrow IPC stream files, or else:
	Parquet []string
	Count   int64
}

// readers is how many goroutines a pass over rows uses.
const readers = 2

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
	pool := &arrowfile.Pool{}
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

func (r Rows) readArrow(ctx context.Context, path string, pool *arrowfile.Pool, queue chan<- arrow.RecordBatch) error {
	reader, err := arrowfile.Open(path, pool)
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
	file   *arrowfile.Parquet
	number int
}

func (r Rows) eachParquet(ctx context.Context, batch func(arrow.RecordBatch) error) (err error) {
	var groups []rowGroup
	var files []*arrowfile.Parquet
	defer func() {
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
	}()
	pool := &arrowfile.Pool{}
	for _, path := range r.Parquet {
		f, err := arrowfile.OpenParquet(path, pool)
		if err != nil {
			return fmt.Errorf("read the rows again: %w", err)
		}
		files = append(files, f)
		for n := range f.RowGroups() {
			groups = append(groups, rowGroup{f, n})
		}
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
				if err := g.file.Each(ctx, g.number, nil, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return work.Wait()
}
