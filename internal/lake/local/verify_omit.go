package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/RoaringBitmap/roaring/v2/roaring64"
	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/arrowfile"
	"tributary/internal/lake"
	"tributary/internal/verify/rowhash"
)

// omitted is which rows of a batch are left out.
type omitted struct {
	rows int
	out  []bool // nil as long as none is
}

func (o *omitted) omit(row int) {
	if o.out == nil {
		o.out = make([]bool, o.rows)
	}
	o.out[row] = true
}

func (o *omitted) skip() func(row int) bool {
	if o.out == nil {
		return nil
	}
	return func(row int) bool { return o.out[row] }
}

// others leaves out rows that say that they are somebody else's.
func (o *omitted) others(a arrow.Array, own string) {
	texts := a.(*array.String) // as find saw
	for row := range o.rows {
		if texts.Value(row) != own || texts.IsNull(row) {
			o.omit(row)
		}
	}
}

// deleted leaves out rows that a deletion vector took out of the table, given the first row's number in the file.
func (o *omitted) deleted(vector *roaring64.Bitmap, first int64) {
	if vector == nil {
		return
	}
	for row := range o.rows {
		if vector.Contains(uint64(first) + uint64(row)) {
			o.omit(row)
		}
	}
}

func (o *omitted) keys(layout *rowhash.Layout, b rowhash.Batch, except map[rowhash.Key]bool) error {
	if len(except) == 0 {
		return nil
	}
	return layout.KeysOf(b, func(row int, key []byte) error {
		if except[rowhash.Key(key)] {
			o.omit(row)
		}
		return nil
	})
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
			encoder, err := keys.EncoderOf(record)
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
