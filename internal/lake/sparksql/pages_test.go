package sparksql_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/testserver"
)

// TestResultsOfManyPagesAreWhole reads more rows than one answer of the server has.
func TestResultsOfManyPagesAreWhole(t *testing.T) {
	t.Parallel()
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
