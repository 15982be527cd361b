package sparksql_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/conformance"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
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
