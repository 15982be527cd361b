package arrowfile

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"
)

func TestPoolHandsReleasedBuffersOn(t *testing.T) {
	var pool Pool
	first := pool.Allocate(1000)
	require.Len(t, first, 1000)
	pool.Free(first)
	second := pool.Allocate(900)
	require.Len(t, second, 900)
	require.Same(t, &first[0], &second[0])

	copy(second, "kept")
	grown := pool.Reallocate(5000, second)
	require.Len(t, grown, 5000)
	require.Equal(t, "kept", string(grown[:4]))
	require.Same(t, &second[0], &pool.Allocate(1024)[0], "growing hands the smaller one back")

	huge := pool.Allocate(largest + 1)
	pool.Free(huge)
	require.NotSame(t, &huge[0], &pool.Allocate(largest + 1)[0], "not held")
}

func TestPoolScrubsWhatIsHandedBack(t *testing.T) {
	Scrub.Store(true)
	t.Cleanup(func() { Scrub.Store(false) })
	var pool Pool
	buffer := pool.Allocate(100)
	pool.Free(buffer[:10])
	require.Equal(t, bytes.Repeat([]byte{0xa5}, 100), buffer)
}

// stream writes n batches of three rows.
func stream(t *testing.T, n int) string {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "note", Type: arrow.BinaryTypes.String}}, nil)
	path := filepath.Join(t.TempDir(), "rows.arrow")
	out, err := os.Create(path)
	require.NoError(t, err)
	w := ipc.NewWriter(out, ipc.WithSchema(schema))
	for i := range int64(n) {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		b.Field(0).(*array.Int64Builder).AppendValues([]int64{i, i + 1, i + 2}, nil)
		b.Field(1).(*array.StringBuilder).AppendValues([]string{"a", "bb", "ccc"}, nil)
		batch := b.NewRecordBatch()
		require.NoError(t, w.Write(batch))
		batch.Release()
		b.Release()
	}
	require.NoError(t, w.Close())
	require.NoError(t, out.Close())
	return path
}

func TestBatchesAreValidUntilTheirLastRelease(t *testing.T) {
	Scrub.Store(true)
	t.Cleanup(func() { Scrub.Store(false) })
	var pool Pool
	r, err := Open(stream(t, 5), &pool)
	require.NoError(t, err)
	var kept arrow.RecordBatch
	for i := int64(0); r.Next(); i++ {
		require.Equal(t, i, r.RecordBatch().Column(0).(*array.Int64).Value(0))
		if i == 1 {
			kept = r.RecordBatch()
			kept.Retain()
		}
	}
	require.NoError(t, r.Err())
	r.Close()
	ids, notes := kept.Column(0).(*array.Int64), kept.Column(1).(*array.String)
	require.Equal(t, []int64{1, 2, 3}, ids.Int64Values())
	require.Equal(t, "ccc", notes.Value(2))
	values := ids.Int64Values()
	kept.Release()
	require.NotEqual(t, int64(1), values[0], "its buffer is the next batch's")
}

func TestOpenNamesTheFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing.arrow")
	_, err := Open(missing, &Pool{})
	require.ErrorContains(t, err, missing)
	require.ErrorIs(t, err, os.ErrNotExist)

	damaged := filepath.Join(t.TempDir(), "damaged.arrow")
	require.NoError(t, os.WriteFile(damaged, []byte("no Arrow stream"), 0o600))
	_, err = Open(damaged, &Pool{})
	require.ErrorContains(t, err, damaged)
}
