package local

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestDataFilesSayTheirCalendar reads what Spark goes by: whether dates before 1582 are of today's calendar.
func TestDataFilesSayTheirCalendar(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	for round := range 3 { // the first batch's file is taken as it is, the others are merged into it
		b, err := stageRows(t.Context(), l, "a", fmt.Sprintf("SELECT range AS id, %d AS round FROM range(3)", round))
		require.NoError(t, err)
		_, err = l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
	}
	var marked int
	row := l.db.QueryRowContext(t.Context(), "SELECT count(DISTINCT file_name) FROM parquet_kv_metadata("+
		table.Literal(filepath.Join(dir, "central", "orders", "*.parquet"))+") WHERE key::VARCHAR = 'org.apache.spark.version' AND value::VARCHAR = '3.5.0'")
	require.NoError(t, row.Scan(&marked))
	require.Equal(t, 2, marked)
}
