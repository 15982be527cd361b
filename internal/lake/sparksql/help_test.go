package sparksql_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2" // writes the staged files
	"github.com/stretchr/testify/require"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

func openSpark(t *testing.T, spark *testserver.SparkServer, set ...func(*sparksql.SparkOptions)) *sparksql.Lake {
	t.Helper()
	o := sparksql.SparkOptions{URL: spark.URL, Staging: spark.Dir}
	for _, change := range set {
		change(&o)
	}
	l, err := sparksql.OpenSpark(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func startWorkspace(t *testing.T, spark *testserver.SparkServer, set ...func(*workspace.Options)) *workspace.Workspace {
	t.Helper()
	o := workspace.Options{SparkURL: spark.URL, Dir: spark.Dir}
	for _, change := range set {
		change(&o)
	}
	return workspace.Start(t, o)
}

func openDatabricks(t *testing.T, w *workspace.Workspace, set ...func(*sparksql.DatabricksOptions)) *sparksql.Lake {
	t.Helper()
	o := sparksql.DatabricksOptions{Warehouse: workspace.DefaultWarehouse, Staging: "/Volumes/main/central/staging/runs"}
	for _, change := range set {
		change(&o)
	}
	var err error
	if o.Workspace == nil {
		o.Workspace, err = databricks.Open(t.Context(), databricks.Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret})
		require.NoError(t, err)
	}
	l, err := sparksql.OpenDatabricks(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

var plain = table.Schema{
	{Name: "id", Type: table.Long, Nullable: true}, {Name: "v", Type: table.String, Nullable: true},
	{Name: table.ClientColumn, Type: table.String, Nullable: true}, {Name: table.RegionColumn, Type: table.String, Nullable: true},
}

// batch stages rows, given as DuckDB's SQL without the tenant, as a batch of a client's orders.
func batch(t *testing.T, l lake.Lake, schema, client, rows string, set ...func(*table.Batch)) table.Batch {
	t.Helper()
	b := table.Batch{
		ID: strings.NewReplacer("/", "-", ".", "-").Replace(t.Name()+"-"+client+"-"+schema) + "/1", Schema: plain, Keys: []string{"id"},
		Ref: table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: schema, Table: "orders"},
	}
	for _, change := range set {
		change(&b)
	}
	file := parquetFile(t, fmt.Sprintf("SELECT *, '%s' AS client_id, '%s' AS region FROM (%s)", b.Ref.Client, b.Ref.Region, rows))
	var err error
	b.Files, err = l.Stage(t.Context(), b.ID, []table.File{file})
	require.NoError(t, err)
	b.Rows = file.Rows
	return b
}

// parquetFile writes rows given as DuckDB's SQL.
func parquetFile(t *testing.T, rows string) table.File {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	file := table.File{Path: filepath.Join(t.TempDir(), "rows.parquet")}
	result, err := db.ExecContext(t.Context(), fmt.Sprintf("COPY (%s) TO '%s' (FORMAT parquet)", rows, file.Path))
	require.NoError(t, err, rows)
	file.Rows, err = result.RowsAffected()
	require.NoError(t, err)
	info, err := os.Stat(file.Path)
	require.NoError(t, err)
	file.Bytes = info.Size()
	return file
}

// merged merges and returns "inserted updated deleted" of each batch.
func merged(t *testing.T, l lake.Lake, batches ...table.Batch) string {
	t.Helper()
	results, err := l.Merge(t.Context(), batches)
	require.NoError(t, err)
	return counts(results)
}

func counts(results []lake.MergeResult) string {
	all := make([]string, len(results))
	for i, r := range results {
		all[i] = fmt.Sprint(r.Inserted, r.Updated, r.Deleted)
	}
	return strings.Join(all, ", ")
}

// found are a query's rows, each as text.
func found(t *testing.T, l lake.Lake, schema, query string) []string {
	t.Helper()
	rows, err := l.Query(t.Context(), schema, query, lake.At{})
	require.NoError(t, err, query)
	var all []string
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		all = append(all, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	require.NoError(t, rows.Err(), query)
	require.NoError(t, rows.Close())
	return all
}

func remove(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.Remove(path))
}

func truncate(t *testing.T, path string, size int64) {
	t.Helper()
	require.NoError(t, os.Truncate(path, size))
}
