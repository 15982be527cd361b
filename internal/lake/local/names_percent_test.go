package local

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestNamesThatLookLikeFormats has an id and a cursor with a percent sign and a quote.
func TestNamesThatLookLikeFormats(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	const id, at = `ra"te%`, `a"t%d`
	tenant := table.Schema{{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	t.Run("RowsComparedInSlices", func(t *testing.T) {
		schema := append(table.Schema{{Name: id, Type: table.Long}, {Name: "note", Type: table.String}}, tenant...)
		const rows, width = 12_000, 8 << 10 // more than one statement compares
		for v := range int64(2) {
			b := stageQuery(t, l, schema, fmt.Sprintf("SELECT range AS %s, repeat(md5((range %% 2 * %d)::VARCHAR), %d) AS note FROM range(%d)", quote(id), v, width/32, rows))
			b.Reload, b.Keys, b.Ref.Table = true, []string{id}, "wide"
			results, err := l.Merge(t.Context(), []table.Batch{b})
			require.NoError(t, err)
			require.Equal(t, []int64{rows * (1 - v), rows / 2 * v}, []int64{results[0].Inserted, results[0].Updated})
		}
	})
	t.Run("VersionsThatEndWithTheirCursor", func(t *testing.T) {
		schema := append(table.Schema{{Name: id, Type: table.Long}, {Name: at, Type: table.Timestamp}}, tenant...)
		for v := range int64(2) {
			b := stageQuery(t, l, schema, fmt.Sprintf("SELECT range AS %s, make_timestamp(%d)::TIMESTAMPTZ AS %s FROM range(3)", quote(id), (v+1)*1_000_000, quote(at)))
			b.Keys, b.Cursor, b.History, b.ReadAt = []string{id}, at, table.HistoryOnly, time.Unix(10+v, 0)
			results, err := l.Merge(t.Context(), []table.Batch{b})
			require.NoError(t, err)
			require.Equal(t, []int64{3, 3 * v}, []int64{results[0].Inserted, results[0].Updated})
		}
		require.Equal(t, []any{int64(3), int64(3)}, oneRow(t, l, "SELECT count_if(is_current)::BIGINT, count_if(valid_to = make_timestamp(2000000))::BIGINT FROM orders", lake.At{}))
	})
}
