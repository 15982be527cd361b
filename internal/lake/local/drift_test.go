package local

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

var widerSchema = table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.Decimal(38, 10)},
	{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}

const largest = "9999999999999999999999999999.9999999999"

// wide has one row whose value only the wider schema holds.
func wide(t *testing.T, l *Lake, id int) table.Batch {
	t.Helper()
	return stageQuery(t, l, widerSchema, fmt.Sprintf("SELECT %d::BIGINT AS id, '%s'::DECIMAL(38,10) AS v", id, largest))
}

func TestAWiderColumnKeepsRowsAndTheirDeletions(t *testing.T) {
	l := openVectors(t, t.TempDir())
	l.masking.share = 0.5
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	require.EqualValues(t, 1000, mergeIDs(t, l, 7, "range(1000)", nil).Inserted)
	require.EqualValues(t, 100, mergeIDs(t, l, -1, "range(0, 1000, 10)", func(b *table.Batch) { b.Deleted = "v" }).Deleted)
	require.NotNil(t, filesOf(t, l.Lake)[0].DeletionVector)

	results, err := l.Merge(t.Context(), []table.Batch{wide(t, l.Lake, 1)})
	require.NoError(t, err)
	require.EqualValues(t, 1, results[0].Updated)
	require.Contains(t, results[0].Note, "v (integer to decimal(38,10)) made wider")
	const query = "SELECT count(*), count(DISTINCT id), count_if(v = 7)::BIGINT, max(v) FROM orders"
	require.Equal(t, []any{int64(900), int64(900), int64(899), largest}, oneRow(t, l.Lake, query, lake.At{}))
	before := results[0].Version - 2
	require.Equal(t, []any{int64(900), int64(900), int64(900), int64(7)}, oneRow(t, l.Lake, query, lake.At{Version: &before}), "as it was")
	results, err = l.Merge(t.Context(), []table.Batch{wide(t, l.Lake, 1)})
	require.NoError(t, err)
	require.Empty(t, results[0].Note, "once")
}

func TestErrAPartitionColumnDoesNotBecomeWider(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	b := stageQuery(t, l, vectorSchema, "SELECT 1::BIGINT AS id, 1::INTEGER AS v")
	b.PartitionBy = []string{"v"}
	_, err := l.Merge(t.Context(), []table.Batch{b})
	require.NoError(t, err)
	_, err = l.Merge(t.Context(), []table.Batch{wide(t, l, 1)})
	require.ErrorIs(t, err, lake.ErrSchema)
	require.ErrorContains(t, err, `is partitioned by column "v", whose type cannot change from integer to decimal(38,10)`)
	require.Equal(t, []any{int64(1)}, oneRow(t, l, "SELECT sum(v)::BIGINT FROM orders", lake.At{}))
}

// TestAColumnBecomesWiderBesideOtherMerges has clients of two processes merge at once, of which one has a wider column.
func TestAColumnBecomesWiderBesideOtherMerges(t *testing.T) {
	dir := t.TempDir()
	lakes := []*Lake{open(t, dir), open(t, dir)}
	batch := func(l *Lake, n int) table.Batch {
		b := stageQuery(t, l, vectorSchema, fmt.Sprintf("SELECT range AS id, 1::INTEGER AS v FROM range(%d, %d)", 10+n*50, 110+n*50))
		if n == 3 {
			b = wide(t, l, 1)
		}
		return b
	}
	_, err := lakes[0].Merge(t.Context(), []table.Batch{batch(lakes[0], 0)})
	require.NoError(t, err)
	var wait sync.WaitGroup
	errs := make([]error, 7)
	for n := 1; n < len(errs); n++ {
		b := batch(lakes[n%2], n)
		wait.Go(func() { _, errs[n] = lakes[n%2].Merge(t.Context(), []table.Batch{b}) })
	}
	wait.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.Equal(t, []any{int64(401), int64(401), largest}, oneRow(t, lakes[1], "SELECT count(*), count(DISTINCT id), max(v) FROM orders", lake.At{}))
	for _, l := range lakes {
		require.NoError(t, l.Close())
	}
}

func TestCreateMakesColumnsWider(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	_, err := l.Merge(t.Context(), []table.Batch{stageQuery(t, l, vectorSchema, "SELECT 1::BIGINT AS id, 5::INTEGER AS v")})
	require.NoError(t, err)
	added := append(widerSchema[:len(widerSchema):len(widerSchema)], table.Column{Name: "later", Type: table.Date})
	created, err := l.Create(t.Context(), lake.Table{Schema: "central", Name: "orders", Columns: added})
	require.NoError(t, err)
	require.False(t, created)
	require.Equal(t, []any{"5.0000000000", nil}, oneRow(t, l, "SELECT v, later FROM orders", lake.At{}))
}
