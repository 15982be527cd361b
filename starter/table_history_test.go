package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestTablesOfVersionsAreCreatedComparedAndListed(t *testing.T) {
	s := newTableStack(t)
	writeFile(t, s.dir, "daily.yaml", "target: {schema: central}\ntables:\n"+
		"  - {name: orders, cursor: updated_at, history: true}\n  - {name: kunden, target: customers, history: only}\n")
	require.Regexp(t, `central +orders_history +created +8 `, s.ok(t, "table", "create", "--dry-run"))
	s.ok(t, "table", "create")
	require.Contains(t, s.ok(t, "table", "diff"), "3 tables, no differences")
	for _, name := range []string{"orders_history", "customers"} {
		columns := s.describe(t, name).Columns
		require.Equal(t, table.Versions(), columns[len(columns)-3:], name)
	}
	require.Negative(t, s.describe(t, "orders").Columns.Find(table.ValidFrom), "the latest rows beside them")

	_, checked, _ := tributary(t, s.dir, "check", "daily", "-o", "json")
	require.NotContains(t, checked, "schemas do not fit")

	s.server.ExecIn(t, s.of["acme"], "ALTER TABLE orders ADD note TEXT")
	require.Contains(t, s.ok(t, "table", "diff"), "3 tables, 2 differences")
	s.ok(t, "table", "create")
	columns := s.describe(t, "orders_history").Columns
	require.Equal(t, "note", columns[len(columns)-1].Name)

	ended := time.Now().Add(-time.Hour)
	require.NoError(t, s.lake(t).Log(t.Context(), []table.Run{{
		Ref: table.Ref{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "orders"}, RunID: "1", Status: table.StatusOK, Started: ended, Finished: ended,
	}}))
	var listed []listedTable
	require.NoError(t, json.Unmarshal([]byte(s.ok(t, "table", "list", "-o", "json")), &listed))
	require.Equal(t, "orders_history", listed[2].Table)
	require.WithinDuration(t, ended, listed[2].LastSync, time.Second)
	require.Contains(t, s.ok(t, "maintain", "daily", "--dry-run"), "orders_history")

	writeFile(t, s.dir, "daily.yaml", "target: {schema: central}\ntables: [{name: kunden, target: orders, history: only}, {name: orders, target: customers}]")
	_, checked, _ = tributary(t, s.dir, "check", "daily", "-o", "json")
	require.Contains(t, checked, "central.orders has versions of rows where the sync brings the latest alone, or the other way round")
	code, out, _ := tributary(t, s.dir, "table", "diff")
	require.Equal(t, codeError, code)
	require.Regexp(t, `orders +\(history\) +the latest rows +versions .* fails: history needs a table of its own`, out)
	require.Regexp(t, `customers +\(history\) +versions +the latest rows .* fails: history needs a table of its own`, out)
	code, _, errOut := tributary(t, s.dir, "table", "create")
	require.Equal(t, codeError, code)
	require.Contains(t, errOut, "choose another target")
	require.Negative(t, s.describe(t, "orders").Columns.Find(table.ValidFrom))
}
