package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/worker/serve"
	"tributary/workflows"
)

// lakeWorker runs a worker of the lake and the workflows until the test ends.
func lakeWorker(t *testing.T, dir string) {
	t.Helper()
	cfg := loadConfig(t, dir)
	cfg.Worker.Roles, cfg.Worker.Health, cfg.Scratch.Path = []string{config.RoleLake, config.RoleWorkflow}, "", t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- serve.Run(ctx, cfg, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// smallFiles merges rounds of one row each into the central table orders, and logs each.
func smallFiles(t *testing.T, dir string, rounds int) {
	t.Helper()
	l, err := open.Lake(t.Context(), loadConfig(t, dir).Lake)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	for i := range rounds {
		ref := table.Ref{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "orders"}
		path := filepath.Join(t.TempDir(), "rows.parquet")
		_, err := db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT %d::BIGINT AS id, 'acme' AS client_id, 'eu' AS region) TO %s (FORMAT parquet)", i, table.Literal(path)))
		require.NoError(t, err)
		info, err := os.Stat(path)
		require.NoError(t, err)
		id := fmt.Sprintf("run-%d", i)
		staged, err := l.Stage(t.Context(), id, []table.File{{Path: path, Rows: 1, Bytes: info.Size()}})
		require.NoError(t, err)
		columns := table.Schema{{Name: "id", Type: table.Long}, {Name: "client_id", Type: table.String}, {Name: "region", Type: table.String}}
		_, err = l.Merge(t.Context(), []table.Batch{{ID: id, Ref: ref, Schema: columns, Rows: 1, Keys: []string{"id"}, Files: staged, PartitionBy: []string{"region", "client_id"}}})
		require.NoError(t, err)
		now := time.Now().UTC()
		require.NoError(t, l.Log(t.Context(), []table.Run{{Ref: ref, RunID: id, Status: table.StatusOK, Started: now, Finished: now}}))
	}
}

func TestMaintainCompactsVacuumsAndSweeps(t *testing.T) {
	dir := configDir(t, map[string]string{"daily.yaml": testSync})
	smallFiles(t, dir, 12)
	left := filepath.Join(dir, "lake", "_staging", "dead-run", "1-1")
	require.NoError(t, os.MkdirAll(left, 0o700))
	longAgo := time.Now().Add(-200 * time.Hour)
	orphan := filepath.Join(dir, "lake", "central", "orders", "orphan.parquet") // of a merge that never committed
	require.NoError(t, os.WriteFile(orphan, []byte("rows"), 0o600))
	for _, old := range []string{orphan, left, filepath.Dir(left)} {
		require.NoError(t, os.Chtimes(old, longAgo, longAgo))
	}
	lakeWorker(t, dir)

	code, out, errOut := tributary(t, dir, "maintain", "--dry-run")
	require.Equal(t, codeOK, code, errOut)
	require.Regexp(t, `daily +sync_runs +12 +.*compacted, vacuumed of what is older than 168h`, out)
	require.NotContains(t, out, "customers", "there is no such table yet")

	code, out, errOut = tributary(t, dir, "maintain", "daily", "-o", "json")
	require.Equal(t, codeOK, code, errOut)
	var results []maintenanceResult
	require.NoError(t, json.Unmarshal([]byte(out), &results))
	require.Len(t, results, 1)
	require.Equal(t, table.StatusOK, results[0].Status)
	tables := map[string]workflows.MaintainedTable{}
	for _, each := range results[0].Tables {
		tables[each.Table] = each
	}
	require.Equal(t, [2]int{12, 1}, [2]int{tables[lake.SyncRuns].Before, tables[lake.SyncRuns].After})
	require.Equal(t, 1, tables["orders"].Deleted)
	require.NoFileExists(t, orphan)
	require.Equal(t, table.StatusSkipped, tables["customers"].Status)
	require.Equal(t, 1, results[0].Swept)
	require.NoDirExists(t, filepath.Dir(left))
	code, out, errOut = tributary(t, dir, "query", "SELECT (SELECT count(*) FROM orders) AS n, (SELECT count(*) FROM sync_runs) AS d", "-o", "csv")
	require.Equal(t, codeOK, code, errOut)
	require.Equal(t, "n,d\n12,12\n", out)

	t.Run("OKAgainChangesNothing", func(t *testing.T) {
		code, out, errOut := tributary(t, dir, "maintain")
		require.Equal(t, codeOK, code, errOut)
		require.Regexp(t, `daily +orders +ok +1 +1 +0 `, out)
		require.Regexp(t, `daily +customers +skipped +- +- +- +.*there is no such table yet`, out)
	})
	t.Run("ErrOneTableFailsAndTheOthersAreMaintained", func(t *testing.T) {
		rewrite(t, dir, "daily.yaml", "target: {schema: central}", "target: {schema: central}\nretry: {attempts: 1}")
		log := filepath.Join(dir, "lake", "central", "orders", "_delta_log")
		entries, err := os.ReadDir(log)
		require.NoError(t, err)
		for _, entry := range entries {
			require.NoError(t, os.WriteFile(filepath.Join(log, entry.Name()), []byte("rubbish"), 0o600))
		}
		code, out, errOut := tributary(t, dir, "maintain")
		require.Equal(t, codeFailed, code, errOut)
		require.Regexp(t, `daily +orders +failed`, out)
		require.Regexp(t, `daily +sync_runs +ok`, out)
	})
}

func TestTheMaintenanceHasAScheduleOfItsOwn(t *testing.T) {
	const times = `maintain: {schedule: {cron: "0 5 * * 0"}}`
	dir := configDir(t, map[string]string{"kept.yaml": testSync + times, "bare.yaml": strings.Replace(testSync, "schedule:", "# ", 1) + times})
	applied := func(args ...string) map[string]string {
		code, out, errOut := tributary(t, dir, append([]string{"schedule", "apply", "-o", "json"}, args...)...)
		require.Equal(t, codeOK, code, errOut)
		var result applyResult
		require.NoError(t, json.Unmarshal([]byte(out), &result))
		actions := map[string]string{}
		for _, s := range result.Schedules {
			actions[s.Starts+" "+s.Sync] = s.Action + " " + joinChanges(s.Changes)
		}
		return actions
	}
	t.Cleanup(func() {
		for _, id := range []string{"sync/kept", "maintain/kept", "maintain/bare"} {
			_ = temporalServer.Client.ScheduleClient().GetHandle(context.WithoutCancel(t.Context()), id).Delete(context.WithoutCancel(t.Context())) // it may be gone
		}
	})
	require.Equal(t, map[string]string{"sync kept": "created 0 2 * * * UTC", "maintain kept": "created 0 5 * * 0 UTC", "maintain bare": "created 0 5 * * 0 UTC"}, applied())
	unchanged := map[string]string{"sync kept": "unchanged ", "maintain kept": "unchanged ", "maintain bare": "unchanged "}
	require.Equal(t, unchanged, applied())

	rewrite(t, dir, "kept.yaml", "cursor: updated_at", "cursor: updated_at, where: id > 7")
	changed := applied()
	require.Equal(t, "updated table orders changed", changed["sync kept"])
	require.Equal(t, "unchanged ", changed["maintain kept"], "it does not read the sources")
	rewrite(t, dir, "kept.yaml", `"0 5 * * 0"}`, `"0 6 * * 0"}, retention: 200h`)
	changed = applied()
	require.Equal(t, "unchanged ", changed["sync kept"])
	require.Equal(t, "updated times: 0 5 * * 0 UTC → 0 6 * * 0 UTC; maintain changed", changed["maintain kept"])
	require.Eventually(t, func() bool { return maps.Equal(unchanged, applied()) }, 2*time.Minute, 200*time.Millisecond, "a pause that Temporal takes in together with an update is lost")

	code, out, errOut := tributary(t, dir, "schedule", "pause", "kept", "--maintain")
	require.Equal(t, codeOK, code, errOut)
	require.Equal(t, "paused the schedule of the maintenance of sync kept\n", out)
	code, out, errOut = tributary(t, dir, "schedule", "list")
	require.Equal(t, codeOK, code, errOut)
	require.Regexp(t, `kept +sync +active +0 2 \* \* \* UTC`, out)
	require.Regexp(t, `kept +maintain +paused +0 6 \* \* 0 UTC`, out)
	code, _, errOut = tributary(t, dir, "schedule", "pause", "bare")
	require.Equal(t, codeError, code)
	require.Contains(t, errOut, "sync bare has no schedule")

	lakeWorker(t, dir)
	code, _, errOut = tributary(t, dir, "schedule", "trigger", "bare", "--maintain")
	require.Equal(t, codeOK, code, errOut)
	require.Eventually(t, func() bool {
		var rows []listed
		_, out, _ := tributary(t, dir, "schedule", "list", "-o", "json")
		return json.Unmarshal([]byte(out), &rows) == nil && rows[0].Sync == "bare" && rows[0].Result == "completed"
	}, 2*time.Minute, 200*time.Millisecond)

	for _, file := range []string{"kept.yaml", "bare.yaml"} {
		rewrite(t, dir, file, "maintain:", "# maintain:")
	}
	require.Equal(t, map[string]string{"sync kept": "unchanged ", "maintain kept": "deleted ", "maintain bare": "deleted "}, applied())
}

func TestCancelStopsAMaintenanceOnlyWhenAskedTo(t *testing.T) {
	dir := configDir(t, map[string]string{"tidy.yaml": testSync})
	code, _, errOut := tributary(t, dir, "maintain", "tidy", "-d") // no worker takes it
	require.Equal(t, codeOK, code, errOut)
	id := workflows.MaintainID("tidy")
	t.Cleanup(func() {
		require.NoError(t, temporalServer.Client.TerminateWorkflow(context.WithoutCancel(t.Context()), id, "", "the test is over"))
	})
	code, _, errOut = tributary(t, dir, "maintain", "tidy")
	require.Equal(t, codeRunning, code)
	require.Contains(t, errOut, "cancel it with: tributary cancel tidy --maintain")

	code, _, errOut = tributary(t, dir, "cancel", "tidy")
	require.Equal(t, codeError, code)
	require.Contains(t, errOut, "nothing of sync tidy is running")
	code, out, errOut := tributary(t, dir, "cancel", "tidy", "--maintain")
	require.Equal(t, codeOK, code, errOut)
	require.Equal(t, "asked to stop: maintain/tidy\n", out)
	code, _, errOut = tributary(t, dir, "cancel", "tidy", "--maintain", "--id", "maintain/other")
	require.Equal(t, codeError, code)
	require.Contains(t, errOut, "nothing of the maintenance of sync tidy is running with the id maintain/other")
}
