package conformance

import (
	"errors"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func testTimeTravel(s *suite) {
	s.merge("1 0 0", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'old' AS v"))
	old := s.version("orders")
	time.Sleep(2 * time.Millisecond)
	between := time.Now()
	time.Sleep(2 * time.Millisecond)
	s.merge("0 1 0", s.batch(acme, plain, "SELECT 1::BIGINT AS id, 'new' AS v"))
	s.rows(all, "1 new")
	s.rowsAt(lake.At{Version: &old}, all, "1 old")
	s.rowsAt(lake.At{Time: between}, all, "1 old")
	commits, err := s.lake.History(s.Context(), schema, "orders", 0)
	require.NoError(s, err)
	require.Len(s, commits, int(s.version("orders"))+1)
	require.Equal(s, s.version("orders"), commits[0].Version, "newest first")
	require.False(s, commits[0].Time.IsZero())
	commits, err = s.lake.History(s.Context(), schema, "orders", 1)
	require.NoError(s, err)
	require.Len(s, commits, 1)
}

// loggedRun is a run of acme's orders that took 1.5 s.
func loggedRun(id, status, started, watermark string) table.Run {
	return table.Run{
		Ref: acme, RunID: id, Status: status, Started: at(started), Finished: at(started).Add(1500 * time.Millisecond),
		Window:    table.Window{Kind: table.CursorTime, High: watermark},
		Watermark: watermark, Counts: table.Counts{Read: 5, Staged: 4, Inserted: 3},
		Steps: map[string]time.Duration{"extract": time.Second, "merge": 20 * time.Millisecond},
	}
}

func (s *suite) record(runs ...table.Run) {
	s.Helper()
	require.NoError(s, s.lake.Log(s.Context(), runs))
}

// last is the only row of sync_log.
func (s *suite) last() lake.LastRun {
	s.Helper()
	all, err := s.lake.LastRuns(s.Context(), schema, lake.Filter{})
	require.NoError(s, err)
	require.Len(s, all, 1)
	return all[0]
}

func testSyncLog(s *suite) {
	none, err := s.lake.LastRuns(s.Context(), schema, lake.Filter{})
	require.NoError(s, err)
	require.Empty(s, none, "before the first run")

	first := loggedRun("r1", table.StatusOK, "2024-01-01 10:00:00", "2024-01-01 10:00:00.000000")
	s.record(first)
	require.Equal(s, lake.LastRun{
		Ref: acme, LastSync: first.Finished, Watermark: first.Watermark, Kind: table.CursorTime, Rows: 4, Status: table.StatusOK,
		Started: first.Started, Finished: first.Finished, RunID: "r1",
	}, s.last())

	s.run("RepeatChangesNothing", func(s *suite) {
		log, runs := s.version(lake.SyncLog), s.version(lake.SyncRuns)
		s.record(first, first)
		require.Equal(s, log, s.version(lake.SyncLog))
		require.Equal(s, runs, s.version(lake.SyncRuns))
	})
	s.run("FailedLeavesWatermark", func(s *suite) {
		failed := loggedRun("r2", table.StatusFailed, "2024-01-02 10:00:00", "2024-01-02 10:00:00.000000")
		failed.Error = "host 'db' is unreachable"
		s.record(failed)
		got := s.last()
		require.Equal(s, first.Watermark, got.Watermark)
		require.Equal(s, first.Finished, got.LastSync)
		require.Equal(s, "failed host 'db' is unreachable r2", got.Status+" "+got.Error+" "+got.RunID)
	})
	s.run("OlderLeavesNewer", func(s *suite) {
		s.record(loggedRun("r0", table.StatusOK, "2023-12-31 10:00:00", "2023-12-31 10:00:00.000000"))
		got := s.last()
		require.Equal(s, "r2", got.RunID)
		require.Equal(s, first.Watermark, got.Watermark)
	})
	s.run("WatermarkNeverBack", func(s *suite) {
		s.record(loggedRun("r3", table.StatusOK, "2024-01-03 10:00:00", "2023-06-01 00:00:00.000000"))
		require.Equal(s, first.Watermark, s.last().Watermark)
		require.Equal(s, "r3", s.last().RunID)
	})
	s.run("BackfillOnlyInRuns", func(s *suite) {
		backfill := loggedRun("b1", table.StatusOK, "2024-02-01 10:00:00", "2024-02-01 10:00:00.000000")
		backfill.Backfill = true
		s.record(backfill)
		require.Equal(s, "r3", s.last().RunID)
	})
	s.run("Filter", func(s *suite) {
		other := loggedRun("r4", table.StatusOK, "2024-01-01 10:00:00", "")
		other.Ref = table.Ref{Sync: "weekly", Client: "o'brien", Region: "us", Schema: schema, Table: "lines"}
		s.record(other)
		for _, filter := range []lake.Filter{{Client: "o'brien"}, {Region: "us"}, {Sync: "weekly"}, {Tables: []string{"lines"}}} {
			found, err := s.lake.LastRuns(s.Context(), schema, filter)
			require.NoError(s, err)
			require.Len(s, found, 1)
			require.Equal(s, other.Ref, found[0].Ref)
		}
	})
	s.rows("SELECT run_id, status, rows_read, rows_staged, extract_ms, validate_ms, merge_ms, duration_ms, backfill FROM sync_runs ORDER BY run_id",
		"b1 ok 5 4 1000 <nil> 20 1500 true", "r0 ok 5 4 1000 <nil> 20 1500 false", "r1 ok 5 4 1000 <nil> 20 1500 false",
		"r2 failed 5 4 1000 <nil> 20 1500 false", "r3 ok 5 4 1000 <nil> 20 1500 false", "r4 ok 5 4 1000 <nil> 20 1500 false")
}

func testMaintenance(s *suite) {
	ref := acme
	for i := range 5 {
		// Ten columns of random text: too large for a small file to be filled up by the next merge.
		rows := "SELECT range + " + string(rune('0'+i)) + " * 30000 AS id, md5(random()::VARCHAR) || md5(random()::VARCHAR) AS v FROM range(30000)"
		s.merge("30000 0 0", s.batch(ref, plain, rows))
	}
	before, err := s.lake.Describe(s.Context(), schema, "orders")
	require.NoError(s, err)
	require.Greater(s, before.Files, 1)
	sum := s.values(lake.At{}, "SELECT count(*), sum(id), bit_xor(hash(id, v)) FROM orders")

	removed, added, err := s.lake.Optimize(s.Context(), schema, "orders", lake.Compaction{})
	require.NoError(s, err)
	require.Equal(s, []int{before.Files, 1}, []int{removed, added})
	require.Equal(s, sum, s.values(lake.At{}, "SELECT count(*), sum(id), bit_xor(hash(id, v)) FROM orders"))
	require.Equal(s, sum, s.values(lake.At{Version: &before.Version}, "SELECT count(*), sum(id), bit_xor(hash(id, v)) FROM orders"))

	deleted, err := s.lake.Vacuum(s.Context(), schema, "orders", time.Hour)
	require.NoError(s, err)
	require.Zero(s, deleted, "a young version still needs them")
	_, err = s.lake.Vacuum(s.Context(), schema, "orders", -time.Hour)
	require.Error(s, err)
	deleted, err = s.lake.Vacuum(s.Context(), schema, "orders", 0)
	require.NoError(s, err)
	require.GreaterOrEqual(s, deleted, before.Files)
	require.Equal(s, sum, s.values(lake.At{}, "SELECT count(*), sum(id), bit_xor(hash(id, v)) FROM orders"))
}

func testQuery(s *suite) {
	s.merge("2 0 0", s.batch(acme, plain, "SELECT range AS id, 'v' AS v FROM range(2)"))
	s.rows("WITH x AS (SELECT * FROM orders) SELECT a.id FROM x a JOIN central.orders b USING (id) ORDER BY 1;", "0", "1")
	s.run("ErrUnknownTable", func(s *suite) {
		rows, err := s.lake.Query(s.Context(), schema, "SELECT * FROM ordrs", lake.At{})
		require.Nil(s, rows)
		require.ErrorIs(s, err, lake.ErrNotFound)
		require.ErrorContains(s, err, "orders")
	})
	for name, query := range map[string]string{
		"ErrChange":   "DROP TABLE orders",
		"ErrTwo":      "SELECT 1; SELECT 2",
		"ErrSyntax":   "SELEC 1",
		"ErrOutside":  "SELECT * FROM read_csv('/etc/passwd')",
		"ErrOutside2": "SELECT * FROM '/etc/passwd'",
		"ErrSettings": "SET enable_external_access = true",
		"ErrCopy":     "COPY (SELECT 1) TO '/tmp/out.csv'",
	} {
		s.run(name, func(s *suite) {
			rows, err := s.lake.Query(s.Context(), schema, query, lake.At{})
			if err == nil {
				_, _ = rows.Next()
				err = errors.Join(rows.Err(), rows.Close())
			}
			require.Error(s, err)
		})
	}
}
