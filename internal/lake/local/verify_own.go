package local

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/apache/arrow-go/v18/arrow"
	"golang.org/x/sync/errgroup"

	"tributary/internal/arrowfile"
	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// plain says whether a data file alone says which of its rows are to be hashed, but for its deletion vector and keys to leave out.
func (f files) plain(add *delta.Add, of lake.Fingerprint) bool {
	return isOwn(add) && of.Current == "" && hasFold(f.partitionBy, table.ClientColumn) && hasFold(f.partitionBy, table.RegionColumn)
}

// ownFile is an open data file. It is closed when all of its row groups are released.
type ownFile struct {
	*arrowfile.Parquet
	names   []string          // of the layout's columns in the file; "" of those that it does not have
	read    []int             // columns of the file: those, and whose a row is
	deleted *roaring64.Bitmap // nil where no row is
	left    atomic.Int32      // row groups that are not released
}

func (o *ownFile) release(rowGroups int) error {
	if o.left.Add(int32(-rowGroups)) == 0 {
		return o.Close()
	}
	return nil
}

// ownGroup is a row group of a file.
type ownGroup struct {
	file   *ownFile
	number int
	first  int64 // row, in the file
}

// hashOwn calls batch with the rows of plain files, and returns the indexes of those that have other types than the layout takes. It reads what
// DuckDB wrote without DuckDB: that is faster, and a second opinion.
func (f files) hashOwn(ctx context.Context, of lake.Fingerprint, except map[rowhash.Key]bool, batch hashed) (misfits []int, err error) {
	queue := make(chan ownGroup, verifiers)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		defer close(queue)
		misfits, err = f.openOwn(ctx, of, queue)
		return err
	})
	for range verifiers {
		group.Go(func() error {
			for g := range queue {
				if err := errors.Join(g.hash(ctx, of, except, batch), g.file.release(1)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err = group.Wait()
	for g := range queue { // what nobody took after an error
		err = errors.Join(err, g.file.release(1))
	}
	return misfits, err
}

// openOwn opens one file after the other, and queues its row groups.
func (f files) openOwn(ctx context.Context, of lake.Fingerprint, queue chan<- ownGroup) (misfits []int, err error) {
	pool := &arrowfile.Pool{}
	for i, add := range f.adds {
		file, fits, err := f.openFile(add, of, pool)
		if err != nil {
			return misfits, err
		}
		if !fits {
			misfits = append(misfits, i)
			continue
		}
		if err := file.queue(ctx, queue); err != nil {
			return misfits, err
		}
	}
	return misfits, nil
}

// mostRowGroup is up to how many bytes of a row group are read into memory as they are. Files of very wide rows have larger ones.
const mostRowGroup = 128 << 20

// openFile opens a file; false when DuckDB has to read it.
func (f files) openFile(add *delta.Add, of lake.Fingerprint, pool *arrowfile.Pool) (_ *ownFile, fits bool, err error) {
	parquet, err := arrowfile.OpenParquet(add.LocalPath(f.dir), pool)
	if err != nil {
		return nil, false, err
	}
	file := &ownFile{Parquet: parquet}
	fits = parquet.RowGroupBytes() <= mostRowGroup && file.find(of.Layout.Hasher.Columns())
	if fits && add.DeletionVector != nil {
		file.deleted, err = delta.Open(f.dir).DeletedRows(add)
	}
	if err != nil || !fits {
		return nil, false, errors.Join(err, parquet.Close())
	}
	return file, true, nil
}

// queue queues the row groups, and with that the closing of the file.
func (o *ownFile) queue(ctx context.Context, queue chan<- ownGroup) error {
	rows := o.RowGroups()
	if len(rows) == 0 {
		return o.Close()
	}
	o.left.Store(int32(len(rows)))
	first := int64(0)
	for n := range rows {
		select {
		case queue <- ownGroup{o, n, first}:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), o.release(len(rows)-n))
		}
		first += rows[n]
	}
	return nil
}

// find finds the layout's columns in the file, and those that say whose a row is; false where one has a type, or a name, that needs DuckDB's eye.
func (o *ownFile) find(columns table.Schema) bool {
	o.names = make([]string, len(columns))
	fields := o.Schema().Fields()
	for i, c := range columns {
		for n, field := range fields {
			if !strings.EqualFold(field.Name, c.Name) {
				continue
			}
			if t, ok := centralTypeOf(field.Type); !ok || !t.Fits(c.Type) || o.names[i] != "" {
				return false
			}
			o.names[i], o.read = field.Name, append(o.read, n)
		}
	}
	for _, name := range []string{table.ClientColumn, table.RegionColumn} {
		at := o.Schema().FieldIndices(name)
		if len(at) != 1 || fields[at[0]].Type.ID() != arrow.STRING {
			return false
		}
		o.read = append(o.read, at[0])
	}
	return o.Flat()
}

// centralTypeOf is the type of a column that Tributary wrote.
func centralTypeOf(t arrow.DataType) (table.Type, bool) {
	switch t := t.(type) {
	case *arrow.Decimal128Type:
		return table.Decimal(int(t.Precision), int(t.Scale)), true
	case *arrow.TimestampType:
		return table.Timestamp, t.Unit == arrow.Microsecond && t.TimeZone != ""
	}
	central, ok := centralTypes[t.ID()]
	return central, ok
}

var centralTypes = map[arrow.Type]table.Type{
	arrow.BOOL: table.Boolean, arrow.INT8: table.Byte, arrow.INT16: table.Short, arrow.INT32: table.Integer, arrow.INT64: table.Long,
	arrow.FLOAT32: table.Float, arrow.FLOAT64: table.Double, arrow.DATE32: table.Date, arrow.STRING: table.String, arrow.BINARY: table.Binary,
}

// hash calls batch with the rows of a row group.
func (g ownGroup) hash(ctx context.Context, of lake.Fingerprint, except map[rowhash.Key]bool, batch hashed) error {
	first := g.first
	return g.file.Each(ctx, g.number, g.file.read, func(record arrow.RecordBatch) error {
		b := g.file.arranged(record)
		out := omitted{rows: b.Rows}
		out.others(column(record, table.ClientColumn), of.Ref.Client)
		out.others(column(record, table.RegionColumn), of.Ref.Region)
		out.deleted(g.file.deleted, first)
		if err := out.keys(of.Layout, b, except); err != nil {
			return err
		}
		first += record.NumRows()
		return batch(b, out.skip())
	})
}

func column(record arrow.RecordBatch, name string) arrow.Array {
	return record.Column(record.Schema().FieldIndices(name)[0])
}

// arranged brings a batch into the order of the layout: the file may have another.
func (o *ownFile) arranged(record arrow.RecordBatch) rowhash.Batch {
	b := rowhash.Batch{Arrays: make([]arrow.Array, len(o.names)), Rows: int(record.NumRows())}
	for i, name := range o.names {
		if name != "" {
			b.Arrays[i] = column(record, name)
		}
	}
	return b
}
