package sparksql

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

var update = flag.Bool("update", false, "write testdata/*.sql anew")

// golden compares the statements of both dialects with a file. A statement's values follow it.
func golden(t *testing.T, name string, write func(d dialect) []statement) {
	t.Helper()
	spark, databricks := written(write(sparkDialect)), written(write(databricksDialect))
	text := "-- spark and databricks\n" + spark
	if spark != databricks {
		text = "-- spark\n" + spark + "\n-- databricks\n" + databricks
	}
	path := filepath.Join("testdata", name+".sql")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run go test -tags duckdb_arrow ./internal/lake/sparksql -run TestGolden -update, and read what changed")
	require.Equal(t, string(want), text)
}

func written(all []statement) string {
	var b strings.Builder
	for _, s := range all {
		fmt.Fprintf(&b, "%s;\n", s.text)
		for i, value := range s.values {
			fmt.Fprintf(&b, "-- value %d: %T %v\n", i+1, value, value)
		}
	}
	return b.String()
}

// texts are statements without values.
func texts(all ...string) []statement {
	statements := make([]statement, len(all))
	for i, text := range all {
		statements[i].text = text
	}
	return statements
}

func one(s statement, err error) []statement {
	if err != nil {
		return texts("-- " + err.Error())
	}
	return []statement{s}
}

func TestGoldenTables(t *testing.T) {
	columns := func(names ...string) table.Schema {
		all := table.Schema{{Name: "id", Type: table.Long}, {Name: "total", Type: table.Decimal(12, 2)}}
		for _, name := range names {
			all = append(all, table.Column{Name: name, Type: table.String})
		}
		return append(all, table.Column{Name: "client_id", Type: table.String}, table.Column{Name: "region", Type: table.String})
	}
	commented := columns("note")
	commented[2].Comment = "it's ${odd} \\ \"text\""
	for name, def := range map[string]lake.Table{
		"create":               {Columns: columns()},
		"create_unpartitioned": {Columns: columns(), PartitionBy: []string{}},
		"create_partitioned":   {Columns: columns("day"), PartitionBy: []string{"region", "client_id", "day"}},
		"create_clustered":     {Columns: columns(), ClusterBy: []string{"client_id", "id"}},
		"create_comments":      {Columns: commented, Comment: "it's ${odd} \\ \"text\"", Properties: map[string]string{"tributary.owner": "o'neil", "delta.appendOnly": "false"}},
		"create_odd_names":     {Columns: columns("Größe", "back`tick", "a.b", "select"), Name: "odd`name"},
		"create_any_names":     {Columns: columns("two words", "a=b;c")},
	} {
		def.Schema = "main.central"
		if def.Name == "" {
			def.Name = "orders"
		}
		golden(t, name, func(d dialect) []statement {
			text, err := d.createTable(def)
			return one(statement{text: text}, err)
		})
	}
	wider := columns("note")
	wider[0].Type, wider[1].Type = table.Decimal(20, 0), table.Decimal(14, 2)
	golden(t, "add_columns", func(dialect) []statement {
		return texts(alterations(tableName("central", "orders"), columns()[:2], append(columns()[:2], commented[2], table.Column{Name: "a`b", Type: table.Binary}))...)
	})
	golden(t, "add_odd_names", func(dialect) []statement {
		return texts(alterations(tableName("central", "orders"), columns()[:2], append(columns()[:2], table.Column{Name: "two words", Type: table.Binary}))...)
	})
	golden(t, "widen", func(dialect) []statement {
		return texts(alterations(tableName("central", "orders"), columns("note"), wider)...)
	})
}

func TestGoldenLog(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.FixedZone("", 3600))
	run := func(client, id, status string) table.Run {
		return table.Run{
			Ref: table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: "main.central", Table: "orders"}, RunID: id, Status: status,
			Started: at, Finished: at.Add(time.Minute), Window: table.Window{Kind: table.CursorTime, Low: "2026-11-20 00:00:00.000000", High: "2026-11-21 00:00:00.000000"},
			Watermark: "2026-11-21 00:00:00.000000", Counts: table.Counts{Read: 7, Staged: 6, Inserted: 5}, Steps: map[string]time.Duration{"merge": time.Second},
		}
	}
	failed := run("o'neil", "run-2", table.StatusFailed)
	failed.Error, failed.Watermark = "it's ${odd} \\ \"text\" ü", ""
	backfill := run("acme", "run-3", table.StatusOK)
	backfill.Backfill, backfill.Started = true, at.Add(-time.Hour)
	runs := []table.Run{run("acme", "run-1", table.StatusOK), failed, backfill, run("acme", "run-1", table.StatusOK)}
	golden(t, "log_sync_runs", func(d dialect) []statement { return one(d.addRuns("main.central", runs)) })
	golden(t, "log_sync_log", func(d dialect) []statement {
		var all []statement
		for _, round := range rounds(append(runs, run("acme", "run-4", table.StatusOK))) {
			all = append(all, one(d.advance("main.central", round))...)
		}
		return all
	})
	golden(t, "log_last_runs", func(d dialect) []statement {
		return []statement{
			d.lastRuns("main.central", lake.Filter{}),
			d.lastRuns("central", lake.Filter{Sync: "daily", Region: "eu", Client: "o'neil\\", Tables: []string{"orders", "it's"}}),
			d.lastRuns("central", lake.Filter{Clients: []string{"acme", "o'neil"}, Tables: []string{"orders"}}),
		}
	})
}

func TestGoldenMaintenance(t *testing.T) {
	name := tableName("main.central", "orders")
	golden(t, "optimize", func(dialect) []statement {
		return texts(optimize(name, lake.Compaction{}),
			optimize(name, lake.Compaction{Where: map[string][]string{"region": {"eu", "us"}, "client_id": {"o'neil"}}, ZOrderBy: []string{"id", "two words"}}))
	})
	golden(t, "vacuum", func(dialect) []statement { return texts(vacuum(name, 168*time.Hour), vacuum(name, 90*time.Minute)) })
	golden(t, "describe", func(dialect) []statement {
		return texts(describeColumns(name), describeDetail(name), describeHistory("main.central", "orders", 0), describeHistory("main.central", "orders", 20), showTables("main.central"))
	})
	golden(t, "query_earlier", func(dialect) []statement {
		return texts(atVersions("main.central", []namedVersion{{"orders", 7}, {"odd`name", 0}}) + enclosed("SELECT id FROM orders -- all"))
	})
}
