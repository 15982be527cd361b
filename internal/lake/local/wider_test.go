package local

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// TestAWiderColumnWritesOnceWhatOthersLeave has another writer's commit come between what widening read and its commit.
func TestAWiderColumnWritesOnceWhatOthersLeave(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	merge := func(rows string) {
		t.Helper()
		b := stageQuery(t, l, vectorSchema, rows)
		b.PartitionBy = []string{"id"} // a file for each row
		_, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
	}
	merge("SELECT range AS id, 1::INTEGER AS v FROM range(3)")
	tbl, err := l.table("central", "orders")
	require.NoError(t, err)
	read, err := tbl.Snapshot(t.Context())
	require.NoError(t, err)
	s, err := l.session(t.Context())
	require.NoError(t, err)
	defer s.close()
	w := &widening{session: s, table: tbl, wanted: widerSchema, done: map[*delta.Add][]delta.Add{}}
	merge("SELECT 1::BIGINT AS id, 2::INTEGER AS v")
	_, err = w.attempt(t.Context(), read)
	require.ErrorIs(t, err, delta.ErrConflict)
	first := map[string]bool{}
	for _, adds := range w.done {
		first[adds[0].Path] = true
	}
	require.Len(t, first, 3)

	read, err = tbl.Snapshot(t.Context())
	require.NoError(t, err)
	wider, err := w.attempt(t.Context(), read)
	require.NoError(t, err)
	require.True(t, wider)
	w.close()
	kept := 0
	for _, add := range filesOf(t, l) {
		if first[add.Path] {
			kept++
			delete(first, add.Path)
		}
	}
	require.Equal(t, 2, kept)
	for path := range first {
		require.NoFileExists(t, (&delta.Add{Path: path}).LocalPath(tbl.Dir()), "which is of no use")
	}
	require.Equal(t, []any{int64(3), int64(3), "4.0000000000"}, oneRow(t, l, "SELECT count(*), count(DISTINCT id), sum(v)::DECIMAL(38,10) FROM orders", lake.At{}))
}
