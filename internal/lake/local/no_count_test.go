package local

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// forgetStats replaces the statistics of the table's only file by others, as another writer may have them.
func forgetStats(t *testing.T, l *Lake, change func(stats map[string]any) bool) {
	t.Helper()
	tbl, err := l.table("central", "orders")
	require.NoError(t, err)
	s, err := tbl.Snapshot(t.Context())
	require.NoError(t, err)
	require.Len(t, s.Files(), 1)
	var stats map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.Files()[0].Stats), &stats))
	without := *s.Files()[0]
	without.Stats = ""
	if change(stats) {
		text, err := json.Marshal(stats)
		require.NoError(t, err)
		without.Stats = string(text)
	}
	line, err := json.Marshal(map[string]any{"add": map[string]any{
		"path": without.Path, "partitionValues": without.PartitionValues, "size": without.Size, "modificationTime": without.ModificationTime, "dataChange": true, "stats": without.Stats,
	}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(tbl.Dir(), "_delta_log", fmt.Sprintf("%020d.json", s.Version+1)), line, 0o600))
	records, known := filesOf(t, l)[0].Records()
	require.True(t, !known || records == wrongCount)
}

// wrongCount is fewer rows than there are.
const wrongCount = 1

// TestMergesKeepRowsOfFilesWithoutACount has files of which their writer did not say how many rows they have, or said it wrongly.
func TestMergesKeepRowsOfFilesWithoutACount(t *testing.T) {
	const sums = "SELECT count(*), count(DISTINCT id), sum(v)::BIGINT FROM orders"
	for name, change := range map[string]func(map[string]any) bool{
		"no count":      func(stats map[string]any) bool { delete(stats, "numRecords"); return true },
		"a wrong count": func(stats map[string]any) bool { stats["numRecords"] = wrongCount; return true },
		"no statistics": func(map[string]any) bool { return false },
	} {
		for _, vectors := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", deletion vectors"}[vectors], func(t *testing.T) {
				l := vectorLake{open(t, t.TempDir())}
				if vectors {
					l = openVectors(t, t.TempDir())
				}
				t.Cleanup(func() { require.NoError(t, l.Close()) })
				begin := func() {
					require.EqualValues(t, 100, mergeIDs(t, l, 0, "range(100)", func(b *table.Batch) { b.Reload = true }).Inserted)
					forgetStats(t, l.Lake, change)
				}
				begin()
				require.EqualValues(t, 1, mergeIDs(t, l, 7, "range(5, 6)", nil).Updated)
				require.Equal(t, []any{int64(100), int64(100), int64(7)}, oneRow(t, l.Lake, sums, lake.At{}))

				require.EqualValues(t, 100, mergeIDs(t, l, -1, "range(100)", func(b *table.Batch) { b.Deleted = "v" }).Deleted)
				require.Empty(t, filesOf(t, l.Lake))
				begin()
				require.EqualValues(t, 1, mergeIDs(t, l, 1, "range(5, 6)", func(b *table.Batch) { b.Deleted = "v" }).Deleted)
				require.Equal(t, []any{int64(99), int64(99), int64(0)}, oneRow(t, l.Lake, sums, lake.At{}))
			})
		}
	}
}

// TestFilesWithoutACountAreWrittenAnew has Optimize and a wider column move the rows of such files.
func TestFilesWithoutACountAreWrittenAnew(t *testing.T) {
	wrong := func(stats map[string]any) bool { stats["numRecords"] = wrongCount; return true }
	t.Run("Optimize", func(t *testing.T) {
		l := open(t, t.TempDir())
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		mergeIDs(t, vectorLake{l}, 0, "range(100)", nil)
		forgetStats(t, l, wrong)
		mergeIDs(t, vectorLake{l}, 0, fmt.Sprintf("range(100, %d)", 200+tailNewRows), nil) // a file of their own
		require.Len(t, filesOf(t, l), 2)
		removed, added, err := l.Optimize(t.Context(), "central", "orders", lake.Compaction{})
		require.NoError(t, err)
		require.Equal(t, []int{2, 1}, []int{removed, added})
		require.Equal(t, []any{int64(200 + tailNewRows)}, oneRow(t, l, "SELECT count(DISTINCT id) FROM orders", lake.At{}))
	})
	t.Run("AWiderColumn", func(t *testing.T) {
		l := open(t, t.TempDir())
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		mergeIDs(t, vectorLake{l}, 0, "range(100)", nil)
		forgetStats(t, l, wrong)
		_, err := l.Merge(t.Context(), []table.Batch{wide(t, l, 1)})
		require.NoError(t, err)
		require.Equal(t, []any{int64(100), int64(100), largest}, oneRow(t, l, "SELECT count(*), count(DISTINCT id), max(v) FROM orders", lake.At{}))
	})
}
