package local

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/conformance"
	"tributary/internal/table"
)

func open(t *testing.T, dir string) *Lake {
	t.Helper()
	l, err := Open(t.Context(), Options{Dir: dir, Threads: 2})
	require.NoError(t, err)
	return l
}

func TestConformance(t *testing.T) {
	conformance.Run(t, func(t *testing.T) lake.Lake { return open(t, t.TempDir()) }, conformance.Options{Widens: true})
}

func TestConformanceOfGroupCommit(t *testing.T) {
	l := lake.Group(open(t, t.TempDir()))
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	conformance.Run(t, func(*testing.T) lake.Lake { return l }, conformance.Options{Shared: true, Parallel: true, Widens: true})
}

// A worker that is told to stop has opened its lake in a context that has ended, and finishes what it merges.
func TestALakeOutlivesTheContextInWhichItWasOpened(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	l, err := Open(ctx, Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	cancel()
	b, err := stageRows(t.Context(), l, "a", "SELECT 1 AS id, 0 AS round")
	require.NoError(t, err)
	_, err = l.Merge(t.Context(), []table.Batch{b})
	require.NoError(t, err)
}

func TestErrQuerySaysWhatItIs(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	columns := table.Schema{{Name: "id", Type: table.Long}, {Name: "client_id", Type: table.String}, {Name: "region", Type: table.String}}
	_, err := l.Create(t.Context(), lake.Table{Schema: "central", Name: "orders", Columns: columns})
	require.NoError(t, err)
	says := func(t *testing.T, query string, at lake.At) error {
		t.Helper()
		_, err := l.Query(t.Context(), "central", query, at)
		require.Error(t, err)
		return err
	}
	for query, text := range map[string]string{
		"DROP TABLE orders": "query: only one SELECT can run here: nothing but syncs and maintenance changes a local lake",
		"SELEC 1":           `query: syntax error at or near "SELEC"`,
		"":                  "query: it has 0 statements, give one",
	} {
		require.EqualError(t, says(t, query, lake.At{}), text)
	}
	const all = "SELECT * FROM orders"
	err = says(t, all, lake.At{Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorIs(t, err, lake.ErrNotFound)
	require.Regexp(t, `^query: table central.orders: /[^ ]*/orders has no version that old: 2020-01-01T00:00:00Z; see tributary history orders$`, err.Error())
	later := int64(7)
	err = says(t, all, lake.At{Version: &later})
	require.ErrorIs(t, err, lake.ErrNotFound)
	require.Regexp(t, `^query: table central.orders: version 7 of /[^ ]*/orders: the newest is 0; see tributary history orders$`, err.Error())
	_, err = l.Describe(t.Context(), "central", "nothing")
	require.ErrorIs(t, err, lake.ErrNotFound)
	require.NotContains(t, err.Error(), "not found: not found")
}

func TestAMergeCreatesItsTableWithProperties(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	properties := func(set map[string]string) map[string]string {
		t.Helper()
		b, err := stageRows(t.Context(), l, "a", "SELECT 1 AS id, 0 AS round")
		require.NoError(t, err)
		b.Properties = set
		_, err = l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		described, err := l.Describe(t.Context(), "central", "orders")
		require.NoError(t, err)
		return described.Properties
	}
	set := map[string]string{"team": "data", "delta.logRetentionDuration": "interval 7 days"}
	want := map[string]string{"team": "data", "delta.logRetentionDuration": "interval 7 days", lake.IDsProperty: "6964"} // "id" in hex
	require.Equal(t, want, properties(set))
	require.Equal(t, want, properties(map[string]string{"team": "other"}), "a table that is there keeps its own")
}

// TestThreadsFitTheMemory has machines on which a thread per processor would take more than the limit where rows are wide.
func TestThreadsFitTheMemory(t *testing.T) {
	for limit, want := range map[string][]int{ // with 1, 2, 4 and 16 processors
		"1GB": {1, 2, 4, 4}, "512MB": {1, 2, 2, 2}, "1 GiB": {1, 2, 4, 4}, "256mb": {1, 1, 1, 1}, "100MB": {1, 1, 1, 1}, "8GB": {1, 2, 4, 16}, "80%": {1, 2, 4, 16},
	} {
		var got []int
		for _, processors := range []int{1, 2, 4, 16} {
			got = append(got, threadsWithin(limit, processors))
		}
		require.Equal(t, want, got, limit)
	}
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), MemoryLimit: "300MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	var threads int
	require.NoError(t, l.db.QueryRowContext(t.Context(), "SELECT current_setting('threads')").Scan(&threads))
	require.Equal(t, 1, threads)
}
