package local

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

// reloadOf is a full reload of acme's rows, given as (id, round), whose merge was asked for at a minute of an hour that is long past.
func reloadOf(t *testing.T, l *Lake, minute int, values string) table.Batch {
	t.Helper()
	b, err := stageRows(t.Context(), l, "acme", "FROM (VALUES "+values+") x(id, round)")
	require.NoError(t, err)
	b.Reload, b.Scheduled = true, time.Date(2024, 1, 1, 10, minute, 0, 0, time.UTC)
	return b
}

const rowsOfAcme = "SELECT string_agg(id || ':' || round, ' ' ORDER BY id) FROM orders WHERE client_id = 'acme'"

// A worker that is cut off from Temporal, and not from the lake, brings a reload after a later run of the client table has merged.
func TestALateReloadChangesNothing(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	merge := func(b table.Batch) error {
		_, err := l.Merge(t.Context(), []table.Batch{b})
		return err
	}
	late := reloadOf(t, l, 0, "(1::BIGINT, 0), (2, 0)")
	none := late
	none.ID, none.Files, none.Rows = "none", nil, 0 // of a source that was empty
	require.NoError(t, merge(late))
	require.NoError(t, merge(reloadOf(t, l, 10, "(1::BIGINT, 1), (3, 1)")))
	require.ErrorIs(t, merge(late), lake.ErrLate)
	require.ErrorIs(t, merge(none), lake.ErrLate)
	require.Equal(t, "1:1 3:1", one(t, l, rowsOfAcme))

	t.Run("WidensNoColumn", func(t *testing.T) {
		tbl := delta.Open(filepath.Join(l.dir, "central", "orders"))
		before, err := tbl.Snapshot(t.Context())
		require.NoError(t, err)
		wide := late
		wide.Schema = slices.Clone(wide.Schema)
		wide.Schema[wide.Schema.Find("round")].Type = table.Decimal(20, 0)
		require.ErrorIs(t, merge(wide), lake.ErrLate)
		after, err := tbl.Snapshot(t.Context())
		require.NoError(t, err)
		require.Equal(t, before.Version, after.Version)
	})
	t.Run("NeitherAreOtherClientsNorBackfillsNorTheNextRun", func(t *testing.T) {
		other, err := stageRows(t.Context(), l, "globex", "SELECT 1::BIGINT AS id, 0 AS round")
		require.NoError(t, err)
		other.Scheduled = late.Scheduled
		require.NoError(t, merge(other))
		backfill := reloadOf(t, l, 0, "(4::BIGINT, 1)")
		backfill.Reload, backfill.Scheduled = false, time.Time{}
		require.NoError(t, merge(backfill))
		next := reloadOf(t, l, 20, "(1::BIGINT, 2), (4, 1)")
		require.NoError(t, merge(next))
		require.NoError(t, merge(next), "again")
		require.Equal(t, "1:2 4:1", one(t, l, rowsOfAcme))
	})
	t.Run("TheLogHasIt", func(t *testing.T) {
		snapshot, err := delta.Open(filepath.Join(l.dir, "central", "orders")).Snapshot(t.Context())
		require.NoError(t, err)
		turn, ok := snapshot.Txn("tributary/acme")
		require.True(t, ok)
		require.Equal(t, time.Date(2024, 1, 1, 10, 20, 0, 0, time.UTC).UnixMicro(), turn)
	})
	t.Run("AClockThatWasWrongOnceStopsNothing", func(t *testing.T) {
		future := reloadOf(t, l, 0, "(1::BIGINT, 3)")
		future.Scheduled = time.Now().Add(time.Hour)
		require.NoError(t, merge(future))
		require.NoError(t, merge(reloadOf(t, l, 30, "(1::BIGINT, 4)")))
		require.Equal(t, "1:4", one(t, l, rowsOfAcme))
	})
}

// Whichever of two processes commits first, the later run's rows are there in the end.
func TestTheLaterOfTwoReloadsAtOnceStands(t *testing.T) {
	for range 4 {
		dir := t.TempDir()
		slow, fast := open(t, dir), open(t, dir)
		older, newer := reloadOf(t, slow, 0, "(1::BIGINT, 0), (2, 0)"), reloadOf(t, slow, 10, "(1::BIGINT, 1)")
		var group sync.WaitGroup
		var lateErr error
		group.Go(func() { _, lateErr = slow.Merge(t.Context(), []table.Batch{older}) })
		_, err := fast.Merge(t.Context(), []table.Batch{newer})
		group.Wait()
		require.NoError(t, err)
		if lateErr != nil {
			require.ErrorIs(t, lateErr, lake.ErrLate)
		}
		require.Equal(t, "1:1", one(t, fast, rowsOfAcme))
		require.NoError(t, slow.Close())
		require.NoError(t, fast.Close())
	}
}
