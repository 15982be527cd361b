package local

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestReloadsOfRowsWiderThanMemory has a table of more than the lake's memory, without a cursor, so that every row is compared. Slices
// of it take less than 500 MB with two threads, and all of it at once more than there is.
func TestReloadsOfRowsWiderThanMemory(t *testing.T) {
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), Threads: 2, MemoryLimit: "680MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	schema := table.Schema{{Name: "id", Type: table.String}, {Name: "v", Type: table.Integer}, {Name: "note", Type: table.String, Nullable: true},
		{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	const rows, width = 180_000, 4 << 10
	merge := func(v, order string) lake.MergeResult {
		t.Helper()
		b := stageQuery(t, l, schema, fmt.Sprintf("SELECT 'n' || range AS id, (%s)::INTEGER AS v, repeat(md5(range || 'x' || (%[1]s)), %d) AS note FROM range(%d) ORDER BY %s",
			v, width/32, rows, order), "ROW_GROUP_SIZE 8192")
		b.Reload = true
		results, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		return results[0]
	}
	require.EqualValues(t, rows, merge("1", "range").Inserted)
	require.EqualValues(t, rows/2, merge("1 + range % 2", "hash(range)").Updated, "no id of one slice is far from those of another")
	require.Equal(t, []any{int64(rows), int64(rows), int64(rows * 3 / 2), int64(rows) * width},
		oneRow(t, l, "SELECT count(*), count(DISTINCT id), sum(v)::BIGINT, sum(strlen(note))::BIGINT FROM orders", lake.At{}))
}

// TestFewWideRowsAreComparedInSlices has rows of which a statement takes no more memory than there is when it compares some, and not when it compares all.
func TestFewWideRowsAreComparedInSlices(t *testing.T) {
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), Threads: 1, MemoryLimit: "300MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	schema := table.Schema{{Name: "id", Type: table.Long}, {Name: "note", Type: table.String}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	const rows, width = 9_900, 20 << 10
	b := stageQuery(t, l, schema, fmt.Sprintf("SELECT range AS id, repeat(md5(range::VARCHAR), %d) AS note FROM range(%d)", width/32, rows), "ROW_GROUP_SIZE 2048")
	b.Reload, b.Files[0].Bytes = true, rows*width/4 // as texts that compress less well take
	for _, inserted := range []int64{rows, 0} {
		results, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		require.Equal(t, []int64{inserted, 0}, []int64{results[0].Inserted, results[0].Updated})
	}
}
