package arrowfile

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/stretchr/testify/require"
)

// parquetOf writes rows in row groups of a thousand, with a text of that length in each.
func parquetOf(t *testing.T, rows int64, length int) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "note", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for i := range rows {
		b.Field(0).(*array.Int64Builder).Append(i)
		if i%7 == 0 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("%0*d", length, i))
		}
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	out, err := os.Create(path)
	require.NoError(t, err)
	w, err := pqarrow.NewFileWriter(schema, out, parquet.NewWriterProperties(parquet.WithCompression(compress.Codecs.Zstd), parquet.WithMaxRowGroupLength(1000)),
		pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	require.NoError(t, w.Write(batch))
	require.NoError(t, w.Close())
	return path
}

func TestRowGroupsComeInBatchesOfBoundedSize(t *testing.T) {
	Scrub.Store(true)
	t.Cleanup(func() { Scrub.Store(false) })
	for length, most := range map[int]int64{10: 125, 90_000: 110} {
		p, err := OpenParquet(parquetOf(t, 2500, length), &Pool{})
		require.NoError(t, err)
		require.Equal(t, []int64{1000, 1000, 500}, p.RowGroups())
		require.True(t, p.Flat())
		next := int64(1000)
		require.NoError(t, p.Each(t.Context(), 1, nil, func(b arrow.RecordBatch) error {
			require.LessOrEqual(t, b.NumRows(), most)
			ids, notes := b.Column(0).(*array.Int64), b.Column(1).(*array.String)
			for i := range int(b.NumRows()) {
				require.Equal(t, next, ids.Value(i))
				require.Equal(t, next%7 == 0, notes.IsNull(i))
				require.Equal(t, next%7 == 0, len(notes.Value(i)) != length)
				next++
			}
			return nil
		}))
		require.EqualValues(t, 2000, next)
		require.NoError(t, p.Each(t.Context(), 2, []int{1}, func(b arrow.RecordBatch) error {
			require.Equal(t, "note", b.Schema().Field(0).Name)
			require.EqualValues(t, 1, b.NumCols())
			return nil
		}))
		require.NoError(t, p.Close())
	}
}

// TestDamagedFilesAreErrors changes a byte at a time: who reads them gets other values or an error that names the file, and goes on living.
func TestDamagedFilesAreErrors(t *testing.T) {
	path := parquetOf(t, 2500, 10)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	random := rand.New(rand.NewPCG(1, 2))
	read := func() error {
		p, err := OpenParquet(path, &Pool{})
		if err != nil {
			return err
		}
		defer func() { require.NoError(t, p.Close()) }()
		for n := range p.RowGroups() {
			if err := p.Each(t.Context(), n, nil, func(arrow.RecordBatch) error { return nil }); err != nil {
				return err
			}
		}
		return nil
	}
	faults := 0
	for range 2000 {
		damaged := append([]byte(nil), whole...)
		damaged[random.IntN(len(damaged))] ^= byte(1 + random.IntN(255))
		require.NoError(t, os.WriteFile(path, damaged, 0o600))
		if err := read(); err != nil {
			faults++
			require.ErrorContains(t, err, path)
		}
	}
	require.Greater(t, faults, 100)
	require.NoError(t, os.WriteFile(path, whole[:len(whole)/2], 0o600))
	require.Error(t, read())
	require.NoError(t, os.WriteFile(path, whole, 0o600))
	require.NoError(t, read())
	require.NoError(t, os.Remove(path))
	require.ErrorIs(t, read(), os.ErrNotExist)
}
