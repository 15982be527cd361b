package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
)

func TestStatusTellsWhatTheLastRunsNoted(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": testSync})
	l, err := open.Lake(t.Context(), loadConfig(t, dir).Lake)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	notes := func(args ...string) string {
		code, out, errOut := tributary(t, dir, append([]string{"status", "--notes"}, args...)...)
		require.Equal(t, codeOK, code, errOut)
		return out
	}
	require.Contains(t, notes(), "never", "before the first run")
	earlier := lake.SyncRunsTable("central")
	earlier.Columns = earlier.Columns[:earlier.Columns.Find("notes")]
	_, err = l.Create(t.Context(), earlier)
	require.NoError(t, err)
	require.NotContains(t, notes(), "note:", "the column is not there yet")

	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	run := func(id, client string, started time.Time, notes ...string) table.Run {
		return table.Run{
			Ref: table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: "central", Table: "orders"}, RunID: id,
			Status: table.StatusOK, Started: started, Finished: started.Add(time.Minute), Notes: notes,
		}
	}
	require.NoError(t, l.Log(t.Context(), []table.Run{
		run("1", "acme", at, "of an earlier run"), run("2", "acme", at.Add(time.Hour), "3 zero dates became NULL", "columns added: note"), run("3", "bolt", at),
	}))
	out := notes()
	require.Contains(t, out, "\nnote: acme/orders: 3 zero dates became NULL\nnote: acme/orders: columns added: note\n")
	require.NotContains(t, out, "earlier")
	require.NotContains(t, notes("--client", "bolt"), "note:")
	var rows []tableStatus
	require.NoError(t, json.Unmarshal([]byte(notes("-o", "json")), &rows))
	for _, row := range rows {
		if row.Client == "acme" && row.Table == "orders" {
			require.Equal(t, []string{"3 zero dates became NULL", "columns added: note"}, row.Notes)
		} else {
			require.Empty(t, row.Notes)
		}
	}
	code, out, _ := tributary(t, dir, "status")
	require.Equal(t, codeOK, code)
	require.NotContains(t, out, "note:", "unless asked for")
}

func TestStatusOfAClientThatMovedHasWhatTheLogHas(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": testSync})
	l, err := open.Lake(t.Context(), loadConfig(t, dir).Lake)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	run := table.Run{
		Ref: table.Ref{Sync: "daily", Client: "acme", Region: "us", Schema: "central", Table: "orders"}, RunID: "1",
		Status: table.StatusOK, Started: at, Finished: at.Add(time.Minute),
	}
	require.NoError(t, l.Log(t.Context(), []table.Run{run}))
	run.Region, run.RunID, run.Started, run.Finished = "eu", "2", at.Add(time.Hour), at.Add(2*time.Hour)
	run.Status, run.Error = table.StatusFailed, "too few rows"
	require.NoError(t, l.Log(t.Context(), []table.Run{run}))
	for _, args := range [][]string{nil, {"--region", "eu"}, {"--client", "acme"}} {
		code, out, errOut := tributary(t, dir, append([]string{"status", "-o", "json"}, args...)...)
		require.Equal(t, codeOK, code, errOut)
		var rows []tableStatus
		require.NoError(t, json.Unmarshal([]byte(out), &rows))
		found := false
		for _, row := range rows {
			if row.Client != "acme" || row.Table != "orders" {
				continue
			}
			found = true
			require.Equal(t, [3]string{"eu", table.StatusFailed, "too few rows"}, [3]string{row.Region, row.Status, row.Error}, args)
			require.Equal(t, at.Add(time.Minute), row.LastSync.UTC())
		}
		require.True(t, found, args)
	}
}
