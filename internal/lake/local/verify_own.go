package local

import (
	"context"
	"errors"
	"fmt"
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
	read    []int             // their numbers in the file
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
				if err := errors.Join(g.hash(ctx, of.Layout, except, batch), g.file.release(1)); err != nil {
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

// openFile opens a file; false when DuckDB has to read it.
func (f files) openFile(add *delta.Add, of lake.Fingerprint, pool *arrowfile.Pool) (_ *ownFile, fits bool, err error) {
	parquet, err := arrowfile.OpenParquet(add.LocalPath(f.dir), pool)
	if err != nil {
		return nil, false, err
	}
	file := &ownFile{Parquet: parquet}
	fits = file.find(of.Layout.Hasher.Columns())
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

// find finds the layout's columns in the file; false where one has a type, or a name, that needs DuckDB's eye.
func (o *ownFile) find(columns table.Schema) bool {
	o.names = make([]string, len(columns))
	for i, c := range columns {
		for n, field := range o.Schema().Fields() {
			if !strings.EqualFold(field.Name, c.Name) {
				continue
			}
			if t, ok := centralTypeOf(field.Type); !ok || !t.Fits(c.Type) || o.names[i] != "" {
				return false
			}
			o.names[i], o.read = field.Name, append(o.read, n)
		}
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
func (g ownGroup) hash(ctx context.Context, layout *rowhash.Layout, except map[rowhash.Key]bool, batch hashed) error {
	first := g.first
	return g.file.Each(ctx, g.number, g.file.read, func(record arrow.RecordBatch) error {
		b := g.file.arranged(record)
		skip, err := g.file.skips(layout, b, first, except)
		if err != nil {
			return err
		}
		first += record.NumRows()
		return batch(b, skip)
	})
}

// arranged brings a batch into the order of the layout: the file may have another.
func (o *ownFile) arranged(record arrow.RecordBatch) rowhash.Batch {
	b := rowhash.Batch{Arrays: make([]arrow.Array, len(o.names)), Rows: int(record.NumRows())}
	for i, name := range o.names {
		if name != "" {
			b.Arrays[i] = record.Column(record.Schema().FieldIndices(name)[0])
		}
	}
	return b
}

// skips says which rows of a batch are left out; nil where none is.
func (o *ownFile) skips(layout *rowhash.Layout, b rowhash.Batch, first int64, except map[rowhash.Key]bool) (func(row int) bool, error) {
	if o.deleted == nil && len(except) == 0 {
		return nil, nil
	}
	out := make([]bool, b.Rows)
	if o.deleted != nil {
		for row := range out {
			out[row] = o.deleted.Contains(uint64(first) + uint64(row))
		}
	}
	if len(except) > 0 {
		if err := layout.KeysOf(b, func(row int, key []byte) error {
			out[row] = out[row] || except[rowhash.Key(key)]
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return func(row int) bool { return out[row] }, nil
}

// mostExcept is up to how many keys to leave out are held in memory.
const mostExcept = 200_000

// exceptKeys reads the keys that a fingerprint leaves out; false where there are too many of them.
func exceptKeys(ctx context.Context, dir string, of lake.Fingerprint) (map[rowhash.Key]bool, bool, error) {
	var rows int64
	for _, file := range of.Except {
		rows += file.Rows
	}
	if rows > mostExcept {
		return nil, false, nil
	}
	keys := make(map[rowhash.Key]bool, rows)
	for _, file := range of.Except {
		if err := addKeys(ctx, stagedPath(dir, file.Path), of.Layout.Keys, keys); err != nil {
			return nil, false, fmt.Errorf("keys to leave out: %w", err)
		}
	}
	return keys, true, nil
}

func addKeys(ctx context.Context, path string, keys *rowhash.Keys, into map[rowhash.Key]bool) (err error) {
	parquet, err := arrowfile.OpenParquet(path, &arrowfile.Pool{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parquet.Close()) }()
	for group := range parquet.RowGroups() {
		if err := parquet.Each(ctx, group, nil, func(record arrow.RecordBatch) error {
			arrays := make([]arrow.Array, len(keys.Columns()))
			for i, c := range keys.Columns() {
				at := record.Schema().FieldIndices(c.Name)
				if len(at) != 1 {
					return fmt.Errorf("%s has no id %q", path, c.Name)
				}
				arrays[i] = record.Column(at[0])
			}
			encoder, err := keys.Encoder(arrays)
			if err != nil {
				return err
			}
			for row := range int(record.NumRows()) {
				into[rowhash.Key(encoder.Append(nil, row))] = true
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}
