package sparksql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/lake/conformance"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

func TestConformance(t *testing.T) {
	spark := testserver.Spark(t)
	l, err := sparksql.OpenSpark(sparksql.SparkOptions{URL: spark.URL, Staging: spark.Dir})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	conformance.Run(t, func(*testing.T) lake.Lake { return l }, conformance.Options{
		Quote: table.Backtick, Shared: true, Parallel: true, Widens: true, AnyName: true, PlainTables: true, ExtraVersions: true, ZOrder: true, Executes: true,
		VacuumMin: 168 * time.Hour,
	})
}

// TestConformanceOfDatabricks runs the production path, sign-in, volume and warehouse included, against a small workspace with Spark
// behind it.
func TestConformanceOfDatabricks(t *testing.T) {
	spark := testserver.Spark(t)
	w := workspace.Start(t, workspace.Options{SparkURL: spark.URL, Dir: spark.Dir})
	signedIn, err := databricks.Open(t.Context(), databricks.Options{Host: w.URL, ClientID: w.ClientID, ClientSecret: w.ClientSecret})
	require.NoError(t, err)
	l, err := sparksql.OpenDatabricks(sparksql.DatabricksOptions{
		Workspace: signedIn, Warehouse: workspace.DefaultWarehouse, Staging: "/Volumes/main/central/staging/runs",
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	conformance.Run(t, func(*testing.T) lake.Lake { return l }, conformance.Options{
		Quote: table.Backtick, Catalog: "main", Shared: true, Parallel: true, Widens: true, AnyName: true, PlainTables: true, ExtraVersions: true,
		ZOrder: true, Executes: true, ClusterBy: true, VacuumMin: 168 * time.Hour,
	})
}
