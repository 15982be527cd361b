package local

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

var versioned = table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.String}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}

// mergeVersions merges a reload of ids from 0 to n-1 into a table of versions.
func mergeVersions(t *testing.T, l *Lake, n int, v string, readAt int64, set ...func(*table.Batch)) ([]lake.MergeResult, error) {
	t.Helper()
	b := stageQuery(t, l, versioned, fmt.Sprintf("SELECT range AS id, '%s' AS v FROM range(%d)", v, n))
	b.Reload, b.History, b.ReadAt = true, table.HistoryOnly, time.Unix(readAt, 0)
	for _, change := range set {
		change(&b)
	}
	return l.Merge(t.Context(), []table.Batch{b})
}

func TestTheGuardCountsValidVersions(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	for i, v := range []string{"a", "b", "c"} {
		_, err := mergeVersions(t, l, 200, v, int64(i+1))
		require.NoError(t, err)
	}
	half := func(b *table.Batch) { b.MaxDeleteShare = 0.5 }
	_, err := mergeVersions(t, l, 50, "c", 4, half) // three quarters of the rows, a quarter of their versions
	require.ErrorIs(t, err, lake.ErrGuard)
	require.ErrorContains(t, err, "150 of its 200 rows")
	results, err := mergeVersions(t, l, 99, "c", 5, func(b *table.Batch) { b.MaxDeleteShare = 0.51 })
	require.NoError(t, err)
	require.EqualValues(t, 101, results[0].Updated)
}

// More versions than are held in a table of DuckDB's are read from a file, whether or not the staged rows are.
func TestManyVersions(t *testing.T) {
	for name, rows := range map[string]int{"of many rows": materialise + 1000, "of rows in a table": materialise/2 + 1000} {
		t.Run(name, func(t *testing.T) {
			l := open(t, t.TempDir())
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			for i, v := range []string{"a", "b"} {
				results, err := mergeVersions(t, l, rows, v, int64(i+1))
				require.NoError(t, err)
				require.EqualValues(t, rows, results[0].Inserted)
				require.EqualValues(t, i*rows, results[0].Updated)
			}
			require.Equal(t, fmt.Sprint(rows), one(t, l, "SELECT count(*) FROM orders WHERE is_current AND v = 'b' AND valid_from = make_timestamp(2000000)"))
			require.Equal(t, fmt.Sprint(rows), one(t, l, "SELECT count(DISTINCT id) FROM orders WHERE NOT is_current AND v = 'a' AND valid_to = make_timestamp(2000000)"))
		})
	}
}
