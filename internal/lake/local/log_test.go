package local

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/delta"
	"tributary/internal/lake"
	"tributary/internal/table"
)

func TestLogOfThousandsOfClientTables(t *testing.T) {
	l := open(t, t.TempDir())
	const clients, tables, group = 1000, 6, 750
	started := time.Date(2024, 1, 1, 10, 0, 0, 0, time.UTC)
	for round := range 2 {
		var runs []table.Run
		for i := range clients * tables {
			ref := table.Ref{Client: fmt.Sprintf("client %d", i/tables), Region: "eu", Schema: "central", Table: fmt.Sprintf("t%d", i%tables)}
			at := started.Add(time.Duration(round) * time.Hour)
			runs = append(runs, table.Run{Ref: ref, RunID: fmt.Sprintf("%d-%d", round, i), Status: table.StatusOK, Started: at, Finished: at,
				Watermark: fmt.Sprint(round), Counts: table.Counts{Staged: int64(i)}})
			if len(runs) == group {
				require.NoError(t, l.Log(t.Context(), runs))
				runs = nil
			}
		}
		require.Empty(t, runs)
	}
	last, err := l.LastRuns(t.Context(), "central", lake.Filter{})
	require.NoError(t, err)
	require.Len(t, last, clients*tables)
	for _, row := range last {
		require.Equal(t, "1", row.Watermark, row.Ref)
	}
	require.Equal(t, "12000 12000", one(t, l, "SELECT count(*), count(DISTINCT run_id) FROM sync_runs"))
}

func TestLogFilesStayFewAndRepeatsChangeNothing(t *testing.T) {
	l := open(t, t.TempDir())
	var all []table.Run
	for i := range 3 * manyLogFiles {
		at := time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
		run := table.Run{Ref: table.Ref{Client: "a'b", Region: "eu", Schema: "central", Table: "t"}, RunID: fmt.Sprint(i), Status: table.StatusOK,
			Started: at, Finished: at, Watermark: fmt.Sprintf("%03d", i)}
		all = append(all, run)
		require.NoError(t, l.Log(t.Context(), []table.Run{run, run}))
	}
	versions := func() (all []int64) {
		for _, name := range []string{lake.SyncRuns, lake.SyncLog} {
			described, err := l.Describe(t.Context(), "central", name)
			require.NoError(t, err)
			require.LessOrEqual(t, described.Files, manyLogFiles+1)
			all = append(all, described.Version)
		}
		return all
	}
	before := versions()
	require.NoError(t, l.Log(t.Context(), all))
	require.NoError(t, l.Log(t.Context(), all[:5]))
	require.Equal(t, before, versions())
	require.Equal(t, "48 48", one(t, l, "SELECT count(*), count(DISTINCT run_id) FROM sync_runs"))
	require.Equal(t, "1 047", one(t, l, "SELECT count(*), any_value(watermark) FROM sync_log"))
}

func TestLogErrPartitions(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	def := lake.SyncRunsTable("central")
	def.PartitionBy = []string{"client_id"}
	_, err := l.Create(t.Context(), def)
	require.NoError(t, err)
	run := table.Run{Ref: table.Ref{Client: "a", Region: "eu", Schema: "central", Table: "t"}, RunID: "r", Started: time.Unix(1, 0)}
	err = l.Log(t.Context(), []table.Run{run})
	require.ErrorIs(t, err, lake.ErrSchema)
	require.NotErrorIs(t, err, delta.ErrConflict)
	require.ErrorContains(t, err, "partitioned by")
}

func TestLogAddsColumnsThatAnEarlierVersionDidNotWrite(t *testing.T) {
	l := open(t, t.TempDir())
	earlier := lake.SyncRunsTable("central")
	earlier.Columns = earlier.Columns[:earlier.Columns.Find("notes")]
	run := func(i int, notes ...string) table.Run {
		at := time.Date(2024, 1, 1, 0, 0, i, 0, time.UTC)
		return table.Run{Ref: table.Ref{Client: "a", Region: "eu", Schema: "central", Table: "t"}, RunID: fmt.Sprint(i), Status: table.StatusOK,
			Started: at, Finished: at, Notes: notes}
	}
	for i := range manyLogFiles { // so that the next rows are put together with these
		require.NoError(t, l.writeLog(t.Context(), logTable{earlier, lake.SyncRunsKeys, false}, func(*delta.Table, *delta.Snapshot) ([][]any, error) {
			return [][]any{lake.RunValues(run(i))[:len(earlier.Columns)]}, nil
		}, nil))
	}
	require.NoError(t, l.Log(t.Context(), []table.Run{run(100, "a note", "and another")}))
	described, err := l.Describe(t.Context(), "central", lake.SyncRuns)
	require.NoError(t, err)
	require.Equal(t, "notes", described.Columns[len(described.Columns)-1].Name)
	require.Equal(t, fmt.Sprintf("%d 1 a note\nand another", manyLogFiles+1), one(t, l, "SELECT count(*), count(notes), any_value(notes) FROM sync_runs"))
}
