package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// printed returns what a command of that output format prints.
func printed(t *testing.T, output string, do func(*app) error) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := do(&app{out: &out, errOut: &out, output: output})
	if output == outputJSON {
		require.True(t, json.Valid(out.Bytes()), out.String())
	}
	return out.String(), err
}

var aFailedResult = result{
	Sync: "daily", WorkflowID: "sync/daily", RunID: "0199", Status: table.StatusFailed, Seconds: 61.26,
	Summary: table.Summary{
		OK: 1234, Skipped: 1, Failed: 2, Clients: 620,
		Counts: table.Counts{Read: 1234567, Inserted: 1000, Updated: 200, Deleted: 30, Quarantined: 4, Warned: 5, ZeroDates: 6, Deduped: 7},
		Problems: []table.Problem{
			{Region: "eu", Client: "acme", Table: "orders", Status: table.StatusFailed, Error: `client "acme", table "orders": column "x" is not there` + "\nsecond line \x1b[31m"},
			{Region: "us", Client: "dune", Status: table.StatusSkipped, Error: "another run has it open"},
		},
		Notes: []string{"region ap has no clients"},
	},
}

func TestResultsArePrintedAndCoded(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		result result
		code   int
	}{
		"summary_failed":      {outputTable, aFailedResult, codeFailed},
		"summary_failed_json": {outputJSON, aFailedResult, codeFailed},
		"summary_ok":          {outputTable, result{WorkflowID: "sync/daily", Status: table.StatusOK, Summary: table.Summary{OK: 2, Clients: 1}}, codeOK},
		"summary_cancelled":   {outputTable, result{WorkflowID: "sync/daily", Status: table.StatusCancelled, Summary: table.Summary{Cancelled: 3}}, codeCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := printed(t, test.output, func(a *app) error { return a.printResult(test.result) })
			require.Equal(t, test.code, exitCode(t.Context(), err))
			golden(t, name, got)
		})
	}
}

func TestStatusIsPrinted(t *testing.T) {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)
	refs := []table.Ref{
		{Sync: "daily", Client: "cactus", Region: "us", Schema: "central", Table: "orders"},
		{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "orders"},
		{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "customers"},
		{Sync: "weekly", Client: "acme", Region: "eu", Schema: "central", Table: "orders"}, // once is enough
	}
	logged := map[table.Ref]lake.LastRun{
		key(refs[1]): {Ref: refs[1], Status: table.StatusOK, LastSync: at, Watermark: "2026-03-01 01:59:00.000000", Rows: 12345},
		key(refs[2]): {Ref: refs[2], Status: table.StatusFailed, LastSync: at.Add(-24 * time.Hour), Error: `client "acme": access denied`},
	}
	rows := joinLog(refs, logged, at.Add(3*time.Hour))
	for name, do := range map[string]func(*app) error{
		"status":      func(a *app) error { return a.printStatus(rows) },
		"status_json": func(a *app) error { return a.writeJSON(rows) },
	} {
		t.Run(name, func(t *testing.T) {
			output := outputTable
			if name == "status_json" {
				output = outputJSON
			}
			got, err := printed(t, output, do)
			require.NoError(t, err)
			golden(t, name, got)
		})
	}
}

func TestFindingsArePrintedAndCoded(t *testing.T) {
	findings := []finding{
		{Check: "configuration", Status: findingOK, Detail: "2 syncs in ."},
		{Check: "workers", Status: findingWarning, Detail: "no worker is running"},
		{Check: "table", Sync: "daily", Region: "eu", Client: "acme", Table: "orders", Status: findingOK},
		{Check: "table", Sync: "daily", Region: "eu", Client: "bolt", Table: "orders", Status: findingFault, Detail: `client "bolt", table "orders": no such column`},
		fault("lake", errors.New("the folder cannot be written")),
	}
	for name, test := range map[string]struct {
		output   string
		findings []finding
		code     int
	}{
		"check_fault":      {outputTable, findings, codeError},
		"check_fault_json": {outputJSON, findings, codeError},
		"check_warning":    {outputTable, findings[:3], codeOK},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := printed(t, test.output, func(a *app) error { return a.report(test.findings) })
			require.Equal(t, test.code, exitCode(t.Context(), err))
			golden(t, name, got)
		})
	}
}

func TestTablesAndTheirHistoryArePrinted(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tables := []listedTable{
		{Schema: "main.central", Table: "orders", Rows: 1234567, Files: 120, Bytes: 2_345_678_901, Version: 1234, ClusterBy: []string{"client_id"}, LastSync: now.Add(-3 * time.Hour)},
		{Schema: "main.central", Table: "sync_log", Rows: 24, Files: 1, Bytes: 4100, Version: 7, PartitionBy: []string{"schema"}},
	}
	described := lake.Table{
		Schema: "main.central", Name: "orders", Comment: "The\norders", Version: 7, Rows: 1234567, Files: 3, Bytes: 4100,
		Properties: map[string]string{"delta.b": "2", "delta.a": "1"},
		Columns:    table.Schema{{Name: "id", Type: table.Long}, {Name: "amount", Type: table.Decimal(12, 2), Nullable: true, Comment: "in \x1b[31meuros"}},
	}
	commits := []lake.Commit{
		// Predicates as Delta Lake 4.0.0 wrote them.
		{Version: 6, Time: now, Operation: "MERGE", Parameters: map[string]string{"predicate": `["((((region#1 = eu) AND client_id#2 INSET c0, c1, c10) AND ((id#3 >= 1) AND (id#3 <= 5))) AND (client_id#2 = client_id#4))"]`}},
		{Version: 5, Time: now, Operation: "MERGE", Parameters: map[string]string{"predicate": `["(((id#3 = id#5) AND (client_id#2 = client_id#4)) AND ((region#1 = eu) AND client_id#2 IN (acme,bolt)))"]`}},
		{Version: 4, Time: now, Operation: "MERGE", Parameters: map[string]string{"predicate": `["((((region#1 = eu) AND (client_id#2 = a-b.c)) AND (client_id#2 = client_id#4)))"]`}},
		{Version: 3, Time: now, Operation: "OPTIMIZE", Metrics: map[string]string{"numAddedFiles": "1"}},
		{Version: 2, Time: now, Operation: "MERGE", Parameters: map[string]string{"clients": "acme,bolt"}, Metrics: map[string]string{
			"numTargetRowsInserted": "1200", "numTargetRowsUpdated": "30", "numTargetRowsDeleted": "4", "numOutputRows": "99999"}},
		{Version: 1, Time: now, Operation: "WRITE", Metrics: map[string]string{"numOutputRows": "50"}},
		{Version: 0, Time: now, Operation: "CREATE TABLE"},
	}
	for name, do := range map[string]func(*app) error{
		"table_list":         func(a *app) error { return a.printTables(tables, now) },
		"table_described":    func(a *app) error { return a.printDescribed(described) },
		"history_of_changes": func(a *app) error { return a.printHistory(commits) },
	} {
		t.Run(name, func(t *testing.T) {
			got, err := printed(t, outputTable, do)
			require.NoError(t, err)
			golden(t, name, got)
		})
	}
}
