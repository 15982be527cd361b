package local

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

var vectorSchema = table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.Integer},
	{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}

// mergeIDs merges ids from a query, with value v.
func mergeIDs(t *testing.T, l vectorLake, v int, from string, change func(*table.Batch)) lake.MergeResult {
	t.Helper()
	b := stageQuery(t, l.Lake, vectorSchema, fmt.Sprintf("SELECT range AS id, %d::INTEGER AS v FROM %s", v, from))
	if change != nil {
		change(&b)
	}
	results, err := l.Merge(t.Context(), []table.Batch{b})
	require.NoError(t, err)
	return results[0]
}

func oneRow(t *testing.T, l *Lake, query string, at lake.At) []any {
	t.Helper()
	rows, err := l.Query(t.Context(), "central", query, at)
	require.NoError(t, err)
	values, ok := rows.Next()
	require.True(t, ok)
	require.NoError(t, rows.Close())
	return values
}

func filesOf(t *testing.T, l *Lake) []*delta.Add {
	t.Helper()
	tbl, err := l.table("central", "orders")
	require.NoError(t, err)
	s, err := tbl.Snapshot(t.Context())
	require.NoError(t, err)
	return s.Files()
}

func TestMergesLeaveFilesAndMarkRows(t *testing.T) {
	l := openVectors(t, t.TempDir())
	l.masking.share = 0.25
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	const sums = "SELECT count(*), count(DISTINCT id), sum(v)::BIGINT FROM orders"
	require.EqualValues(t, 1000, mergeIDs(t, l, 0, "range(1000)", nil).Inserted)
	first := filesOf(t, l.Lake)[0].Path
	for v := 1; v <= 3; v++ { // the rows move from file to file, and each file loses them
		require.EqualValues(t, 10, mergeIDs(t, l, v, "range(0, 1000, 100)", nil).Updated)
		require.EqualValues(t, 10, mergeIDs(t, l, v, fmt.Sprintf("range(%d, %d)", 200*v+1, 200*v+11), nil).Updated)
	}
	require.Zero(t, mergeIDs(t, l, 3, "range(0, 1000, 100)", nil).Updated, "again")
	want := []any{int64(1000), int64(1000), int64(3*10 + 10 + 20 + 30)}
	require.Equal(t, want, oneRow(t, l.Lake, sums, lake.At{}))
	described, err := l.Describe(t.Context(), "central", "orders")
	require.NoError(t, err)
	require.EqualValues(t, 1000, described.Rows)
	var kept *delta.Add
	for _, add := range filesOf(t, l.Lake) {
		if add.Path == first {
			kept = add
		}
	}
	require.NotNil(t, kept, "the large file is where it was")
	require.EqualValues(t, 40, kept.DeletionVector.Cardinality)

	t.Run("time travel", func(t *testing.T) {
		for version, sum := range []int64{0, 10, 20, 30, 50} {
			at := int64(version)
			require.Equal(t, []any{int64(1000), int64(1000), sum}, oneRow(t, l.Lake, sums, lake.At{Version: &at}), "version %d", version)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		history, err := l.History(t.Context(), "central", "orders", 1)
		require.NoError(t, err)
		require.Equal(t, []string{"0", "10", "0"}, []string{history[0].Metrics["numTargetRowsInserted"], history[0].Metrics["numTargetRowsUpdated"], history[0].Metrics["numTargetRowsDeleted"]})
		require.Equal(t, "1", history[0].Metrics["numTargetDeletionVectorsAdded"])
	})
	t.Run("a large share is written anew", func(t *testing.T) {
		require.Positive(t, mergeIDs(t, l, 4, "range(500, 900)", nil).Updated)
		for _, add := range filesOf(t, l.Lake) {
			require.NotEqual(t, first, add.Path)
		}
		require.Equal(t, []any{int64(1000), int64(1000)}, oneRow(t, l.Lake, "SELECT count(*), count(DISTINCT id) FROM orders", lake.At{}))
	})
	t.Run("a reload deletes, and a file without rows goes", func(t *testing.T) {
		got := mergeIDs(t, l, 5, "range(3)", func(b *table.Batch) { b.Reload = true })
		require.Equal(t, []int64{3, 997}, []int64{got.Updated, got.Deleted})
		require.Equal(t, []any{int64(3), int64(3), int64(15)}, oneRow(t, l.Lake, sums, lake.At{}))
		for _, add := range filesOf(t, l.Lake) {
			require.Nil(t, add.DeletionVector, "no file of which nothing is left")
		}
	})
}

func TestOptimizeDropsMarkedRows(t *testing.T) {
	l := openVectors(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	mergeIDs(t, l, 0, "range(1000)", nil)
	mergeIDs(t, l, 1, "range(0, 1000, 10)", nil)
	before := oneRow(t, l.Lake, "SELECT count(*), sum(id * v)::BIGINT FROM orders", lake.At{})
	removed, added, err := l.Optimize(t.Context(), "central", "orders", lake.Compaction{})
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, []int{removed, added})
	add := filesOf(t, l.Lake)[0]
	require.Nil(t, add.DeletionVector)
	stats, err := add.Statistics()
	require.NoError(t, err)
	require.EqualValues(t, 1000, stats.NumRecords)
	require.Equal(t, before, oneRow(t, l.Lake, "SELECT count(*), sum(id * v)::BIGINT FROM orders", lake.At{}))
	deleted, err := l.Vacuum(t.Context(), "central", "orders", 0)
	require.NoError(t, err)
	require.Positive(t, deleted)
	require.Equal(t, before, oneRow(t, l.Lake, "SELECT count(*), sum(id * v)::BIGINT FROM orders", lake.At{}))
}

func TestErrAVectorThatIsGoneHidesNothing(t *testing.T) {
	dir := t.TempDir()
	l := openVectors(t, dir)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	mergeIDs(t, l, 0, "range(100000)", nil)
	mergeIDs(t, l, 1, "range(0, 100000, 50)", nil)
	vectors, err := filepath.Glob(filepath.Join(dir, "central", "orders", "deletion_vector_*.bin"))
	require.NoError(t, err)
	require.Len(t, vectors, 1)
	require.NoError(t, os.Remove(vectors[0]))
	_, err = l.Query(t.Context(), "central", "SELECT count(*) FROM orders", lake.At{})
	require.ErrorIs(t, err, lake.ErrCorrupt)
	b := stageQuery(t, l.Lake, vectorSchema, "SELECT 5::BIGINT AS id, 7::INTEGER AS v")
	_, err = l.Merge(t.Context(), []table.Batch{b})
	require.ErrorIs(t, err, lake.ErrCorrupt)
	require.ErrorContains(t, err, "deletion vector")
	_, _, err = l.Optimize(t.Context(), "central", "orders", lake.Compaction{})
	require.ErrorIs(t, err, lake.ErrCorrupt)
}

// TestWritersOfVectorsLoseNothing has several lakes mark rows of the same file of a table without partitions.
func TestWritersOfVectorsLoseNothing(t *testing.T) {
	dir := t.TempDir()
	l := openVectors(t, dir)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	unpartitioned := func(b *table.Batch) { b.PartitionBy = []string{} }
	mergeIDs(t, l, 0, "range(4000)", unpartitioned)
	const writers, rounds = 3, 4
	var wg sync.WaitGroup
	errs := make([]error, writers)
	for w := range writers {
		other := openVectors(t, dir)
		t.Cleanup(func() { require.NoError(t, other.Close()) })
		var batches []table.Batch
		for round := range rounds {
			b := stageQuery(t, other.Lake, vectorSchema, fmt.Sprintf("SELECT range * %d + %d AS id, %d::INTEGER AS v FROM range(500)", writers, w, round+1))
			batches = append(batches, b)
		}
		wg.Go(func() {
			for _, b := range batches {
				if _, err := other.Merge(t.Context(), []table.Batch{b}); err != nil {
					errs[w] = err
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, []any{int64(4000), int64(4000), int64(writers * 500 * rounds)}, oneRow(t, l.Lake, "SELECT count(*), count(DISTINCT id), sum(v)::BIGINT FROM orders", lake.At{}))
}

// TestAKilledMergeLeavesVectorsToVacuum stands for a kill after the vectors were written and before the commit.
func TestAKilledMergeLeavesVectorsToVacuum(t *testing.T) {
	dir := t.TempDir()
	l := openVectors(t, dir)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	mergeIDs(t, l, 0, "range(100000)", nil)
	orphan := filepath.Join(dir, "central", "orders", "deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin")
	require.NoError(t, os.WriteFile(orphan, []byte{1}, 0o600))
	long := time.Now().Add(-30 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(orphan, long, long))
	require.EqualValues(t, 2000, mergeIDs(t, l, 1, "range(0, 100000, 50)", nil).Updated)
	deleted, err := l.Vacuum(t.Context(), "central", "orders", 7*24*time.Hour)
	require.NoError(t, err)
	require.Equal(t, 1, deleted)
	require.NoFileExists(t, orphan)
	require.Equal(t, []any{int64(100000), int64(2000)}, oneRow(t, l.Lake, "SELECT count(*), sum(v)::BIGINT FROM orders", lake.At{}))
}
