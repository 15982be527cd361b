package local

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestReloadsOfManyFilesOfWideRows has files of few rows that are together more than memory, each of which a reload writes anew.
// One takes 280 MB with two threads, and all of them at once more than there is.
func TestReloadsOfManyFilesOfWideRows(t *testing.T) {
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), Threads: 2, MemoryLimit: "380MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	schema := table.Schema{{Name: "id", Type: table.Long}, {Name: "note", Type: table.String}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	const files, rows, width = 8, 16_000, 4 << 10
	merge := func(v, from, to int, set func(*table.Batch)) lake.MergeResult {
		t.Helper()
		b := stageQuery(t, l, schema, fmt.Sprintf("SELECT range AS id, '%d' || repeat(md5(range::VARCHAR) || md5((range + 7)::VARCHAR) || md5('x' || range) || md5('y' || range), %d) AS note FROM range(%d, %d)",
			v, width/128, from, to), "ROW_GROUP_SIZE 4096")
		set(&b)
		results, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		return results[0]
	}
	for i := range files {
		require.EqualValues(t, rows, merge(0, i*rows, (i+1)*rows, func(*table.Batch) {}).Inserted)
	}
	require.Len(t, filesOf(t, l), files)
	require.EqualValues(t, files*rows, merge(1, 0, files*rows, func(b *table.Batch) { b.Reload = true }).Updated)
	require.Equal(t, []any{int64(files * rows), int64(files * rows), int64(files * rows * (width + 1))},
		oneRow(t, l, "SELECT count(*), count(DISTINCT id), sum(strlen(note))::BIGINT FROM orders WHERE note LIKE '1%'", lake.At{}))
}
