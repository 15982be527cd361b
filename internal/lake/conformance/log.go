package conformance

import (
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// loggedRun is a run of acme's orders that took 1.5 s.
func (s *suite) loggedRun(id, status, started, watermark string) table.Run {
	return table.Run{
		Ref: s.acme(), RunID: id, Status: status, Started: at(started), Finished: at(started).Add(1500 * time.Millisecond),
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
	all, err := s.lake.LastRuns(s.Context(), s.schema, lake.Filter{})
	require.NoError(s, err)
	require.Len(s, all, 1)
	return all[0]
}

// createRunsWithoutNotes makes sync_runs as versions did that did not know of the column.
func (s *suite) createRunsWithoutNotes() {
	s.Helper()
	earlier := lake.SyncRunsTable(s.schema)
	earlier.Columns = earlier.Columns[:earlier.Columns.Find("notes")]
	s.create(earlier)
}

func testSyncLog(s *suite) {
	none, err := s.lake.LastRuns(s.Context(), s.schema, lake.Filter{})
	require.NoError(s, err)
	require.Empty(s, none, "before the first run")

	s.createRunsWithoutNotes()
	first := s.loggedRun("r1", table.StatusOK, "2024-01-01 10:00:00", "2024-01-01 10:00:00.000000")
	first.Notes = []string{"3 zero dates became NULL", oddText}
	first.Started = first.Started.Add(123456 * time.Microsecond)
	s.record(first)
	require.Equal(s, lake.LastRun{
		Ref: s.acme(), LastSync: first.Finished, Watermark: first.Watermark, Kind: table.CursorTime, Rows: 4, Status: table.StatusOK,
		Started: first.Started, Finished: first.Finished, RunID: "r1",
	}, s.last())

	s.run("RepeatChangesNothing", func(s *suite) {
		before := s.last()
		s.unchanged(func() { s.record(first, first) }, lake.SyncLog, lake.SyncRuns)
		require.Equal(s, before, s.last())
		s.rows("SELECT count(*) FROM sync_runs", "1")
	})
	s.run("FailedAndOlderLeaveWatermark", func(s *suite) {
		failed := s.loggedRun("r2", table.StatusFailed, "2024-01-02 10:00:00", "2024-01-02 10:00:00.000000")
		failed.Error = oddText
		older := s.loggedRun("r0", table.StatusOK, "2023-12-31 10:00:00", "2023-12-31 10:00:00.000000")
		s.record(failed, older)
		got := s.last()
		require.Equal(s, first.Watermark, got.Watermark)
		require.Equal(s, first.Finished, got.LastSync)
		require.Equal(s, "failed "+oddText+" r2", got.Status+" "+got.Error+" "+got.RunID)
	})
	s.run("NewestRunsWatermarkStands", func(s *suite) {
		s.record(s.loggedRun("r3", table.StatusOK, "2024-01-03 10:00:00", "2023-06-01 00:00:00.000000"))
		require.Equal(s, "2023-06-01 00:00:00.000000", s.last().Watermark)
		require.Equal(s, "r3", s.last().RunID)
		s.record(first) // logged again by a worker that was cut off
		require.Equal(s, "2023-06-01 00:00:00.000000", s.last().Watermark)
	})
	s.run("SeveralAtOnce", testSeveralRuns)
	s.run("AnotherRegion", func(s *suite) {
		run := func(id, status, started string) table.Run {
			r := s.loggedRun(id, status, started, "")
			r.Region = "us"
			return r
		}
		s.record(run("r7", table.StatusFailed, "2024-01-06 10:00:00"))
		require.Equal(s, "eu r7 2024-01-04 10:00:00.000000", s.last().Region+" "+s.last().RunID+" "+s.last().Watermark, "its rows are still there")
		s.record(run("r8", table.StatusOK, "2024-01-07 10:00:00"))
		require.Equal(s, "us r8 ", s.last().Region+" "+s.last().RunID+" "+s.last().Watermark, "the watermark is of another server")
		s.record(s.loggedRun("r4", table.StatusOK, "2024-01-04 10:00:00", "2024-01-04 10:00:00.000000"), s.loggedRun("r9", table.StatusOK, "2024-01-08 10:00:00", "2024-01-08 10:00:00.000000"))
		require.Equal(s, "eu r9 2024-01-08 10:00:00.000000", s.last().Region+" "+s.last().RunID+" "+s.last().Watermark)
	})
	s.run("Notes", func(s *suite) {
		s.rows("SELECT notes FROM sync_runs WHERE run_id IN ('r1', 'r4') ORDER BY run_id", strings.Join(first.Notes, "\n"), "<nil>")
	})
	s.run("Filter", testLogFilter)
	s.rows("SELECT run_id, status, rows_read, rows_staged, extract_ms, validate_ms, merge_ms, duration_ms, backfill FROM sync_runs ORDER BY run_id",
		"b1 ok 5 4 1000 <nil> 20 1500 true", "r0 ok 5 4 1000 <nil> 20 1500 false", "r1 ok 5 4 1000 <nil> 20 1376 false",
		"r2 failed 5 4 1000 <nil> 20 1500 false", "r3 ok 5 4 1000 <nil> 20 1500 false", "r4 ok 5 4 1000 <nil> 20 1500 false",
		"r5 skipped 5 4 <nil> <nil> <nil> 1500 false", "r6 ok 5 4 1000 <nil> 20 1500 false", "r7 failed 5 4 1000 <nil> 20 1500 false",
		"r8 ok 5 4 1000 <nil> 20 1500 false", "r9 ok 5 4 1000 <nil> 20 1500 false")
}

func testSeveralRuns(s *suite) {
	backfill := s.loggedRun("b1", table.StatusOK, "2024-02-01 10:00:00", "2024-02-01 10:00:00.000000")
	backfill.Backfill = true
	skipped := s.loggedRun("r5", table.StatusSkipped, "2024-01-05 10:00:00", "")
	skipped.Error, skipped.Steps = "another run is open", nil
	s.record(skipped, backfill, s.loggedRun("r4", table.StatusOK, "2024-01-04 10:00:00", "2024-01-04 10:00:00.000000"))
	got := s.last()
	require.Equal(s, "r5 skipped 2024-01-04 10:00:00.000000", got.RunID+" "+got.Status+" "+got.Watermark)
}

func testLogFilter(s *suite) {
	other := s.loggedRun("r6", table.StatusOK, "2024-01-01 10:00:00", "")
	other.Ref = table.Ref{Sync: "weekly", Client: `o'brien\`, Region: "us", Schema: s.schema, Table: "lines"}
	s.record(other)
	for _, filter := range []lake.Filter{{Client: `o'brien\`}, {Clients: []string{"none", `o'brien\`}}, {Region: "us"}, {Sync: "weekly"}, {Tables: []string{"lines", "none"}}} {
		found, err := s.lake.LastRuns(s.Context(), s.schema, filter)
		require.NoError(s, err)
		require.Len(s, found, 1)
		require.Equal(s, other.Ref, found[0].Ref)
	}
	found, err := s.lake.LastRuns(s.Context(), s.schema, lake.Filter{})
	require.NoError(s, err)
	require.Len(s, found, 2)
}
