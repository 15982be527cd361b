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

// TestConformanceOfDatabricks runs the production path, sign-in, volume and warehouse included, against a small workspace with the same Spark
// behind it. Both kinds of lake send the same statements to the same engine, but for what a dialect says (golden tests hold the rest of each
// statement): so it runs what goes another way there. Staged files go through the Files API (Sweep, Batches, Tenants, whose clients' names are
// hard to quote), names begin with a catalog (Create, Tables, Merge, Query, Execute, and TimeTravel, which looks for tables in a query), tables
// are clustered (Layout), and the sync log's values are parameters (SyncLog).
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
		Quote: table.Backtick, Catalog: "main", StagedIn: w.Dir, Shared: true, Parallel: true, Widens: true, AnyName: true, PlainTables: true, ExtraVersions: true,
		ZOrder: true, Executes: true, ClusterBy: true, VacuumMin: 168 * time.Hour,
		Only: []string{"Sweep", "Batches", "Tenants", "Create", "Tables", "Merge", "Query", "Execute", "TimeTravel", "Layout", "SyncLog"},
	})
}
