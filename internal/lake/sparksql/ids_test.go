package sparksql

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// TestIDsThatAreSetFirstStand has two processes find a table without ids at once, and set different ones.
func TestIDsThatAreSetFirstStand(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	schema := spark.Schema(t)
	var claims []string
	for _, keys := range [][]string{{"id"}, {"id", "line"}} {
		l, err := OpenSpark(SparkOptions{URL: spark.URL, Staging: spark.Dir})
		require.NoError(t, err)
		defer func() { require.NoError(t, l.Close()) }()
		ref := table.Ref{Client: "acme", Region: "eu", Schema: schema, Table: "orders"}
		columns := table.Schema{{Name: "id", Type: table.Long}, {Name: "line", Type: table.Long}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
		_, err = l.Create(t.Context(), lake.Table{Schema: schema, Name: "orders", Columns: columns})
		require.NoError(t, err)
		m := newMerge(l, []table.Batch{{Ref: ref, Keys: keys}})
		if len(claims) == 0 {
			before, err := m.version(t.Context())
			require.NoError(t, err)
			require.Zero(t, before)
		}
		first, err := m.claimIDs(t.Context(), 0)
		require.NoError(t, err)
		claims = append(claims, first)
		described, err := l.Describe(t.Context(), schema, "orders")
		require.NoError(t, err)
		require.Equal(t, claims[0], described.Properties[lake.IDsProperty])
		if len(keys) > 1 {
			require.ErrorIs(t, m.checkIDs(t.Context()), lake.ErrSchema, "its rows would be there twice")
			require.ErrorIs(t, m.settleIDs(t.Context()), lake.ErrSchema, "also when the table was made after they were compared")
		}
	}
	require.Equal(t, []string{lake.IDsText(table.Batch{Keys: []string{"id"}}), lake.IDsText(table.Batch{Keys: []string{"id"}})}, claims)
}
