package local

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestAdoptedFilesAreNewToAVacuum has a batch that waited for its merge for longer than a vacuum leaves files that no commit refers to.
func TestAdoptedFilesAreNewToAVacuum(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	b, err := stageRows(t.Context(), l, "acme", "SELECT range AS id, 0 AS round FROM range(10)")
	require.NoError(t, err)
	long := time.Now().Add(-30 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(b.Files[0].Path, long, long))
	_, err = l.Merge(t.Context(), []table.Batch{b})
	require.NoError(t, err)
	adopted, err := os.Stat(filesOf(t, l)[0].LocalPath(tableDir(t, l)))
	require.NoError(t, err)
	staged, err := os.Stat(b.Files[0].Path)
	require.NoError(t, err)
	require.True(t, os.SameFile(staged, adopted), "no rows were copied")
	require.WithinDuration(t, time.Now(), adopted.ModTime(), time.Hour)
	_, err = l.Vacuum(t.Context(), "central", "orders", 24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, []any{int64(10)}, oneRow(t, l, "SELECT count(*) FROM orders", lake.At{}))
}

func tableDir(t *testing.T, l *Lake) string {
	t.Helper()
	tbl, err := l.table("central", "orders")
	require.NoError(t, err)
	return tbl.Dir()
}
