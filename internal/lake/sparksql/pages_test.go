package sparksql_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

// TestResultsOfManyPagesAreWhole reads more rows than one answer of the server has.
func TestResultsOfManyPagesAreWhole(t *testing.T) {
	spark := testserver.Spark(t)
	for kind, l := range map[string]*sparksql.Lake{"spark": openSpark(t, spark), "databricks": openDatabricks(t, startWorkspace(t, spark))} {
		t.Run(kind, func(t *testing.T) {
			for _, want := range []int64{0, 1, 19_999, 20_000, 20_001, 50_000} {
				rows, err := l.Query(t.Context(), "default", fmt.Sprintf("SELECT id, CAST(id AS STRING) AS s FROM range(%d) ORDER BY id", want), lake.At{})
				require.NoError(t, err)
				got := int64(0)
				for row, ok := rows.Next(); ok; row, ok = rows.Next() {
					if row[0] != got || row[1] != fmt.Sprint(got) {
						t.Fatalf("row %d is %v", got, row)
					}
					got++
				}
				require.NoError(t, rows.Err())
				require.NoError(t, rows.Close())
				require.Equal(t, want, got)
			}
		})
	}
}

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
	signedIn, err := databricks.Open(t.Context(), databricks.Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret})
	require.NoError(t, err)
	o := sparksql.DatabricksOptions{Workspace: signedIn, Warehouse: workspace.DefaultWarehouse, Staging: "/Volumes/main/central/staging/runs"}
	for _, change := range set {
		change(&o)
	}
	l, err := sparksql.OpenDatabricks(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}
