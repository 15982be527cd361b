package local

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// stageQuery stages the rows of a query with those columns, client_id and region included, in a file that COPY writes with those options.
func stageQuery(t *testing.T, l *Lake, schema table.Schema, query string, options ...string) table.Batch {
	t.Helper()
	b := table.Batch{ID: uuid.NewString(), Ref: table.Ref{Client: "acme", Region: "eu", Schema: "central", Table: "orders"}, Keys: []string{"id"}, Schema: schema}
	path := filepath.Join(t.TempDir(), "rows.parquet")
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	result, err := db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT *, 'acme' AS client_id, 'eu' AS region FROM (%s)) TO %s (%s)",
		query, table.Literal(path), strings.Join(append(options, "FORMAT parquet"), ", ")))
	require.NoError(t, err)
	b.Rows, err = result.RowsAffected()
	require.NoError(t, err)
	b.Files, err = l.Stage(t.Context(), b.ID, []table.File{{Path: path, Rows: b.Rows, Bytes: 1}})
	require.NoError(t, err)
	return b
}

// TestFilesOfManyRowGroupsAreFoundAgain has the keys of a bigint unsigned column: DuckDB says wrong bounds of such when COPY writes several row
// groups, and a row whose file is not found would be inserted again.
func TestFilesOfManyRowGroupsAreFoundAgain(t *testing.T) {
	l := open(t, t.TempDir())
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	for _, kind := range []table.Type{table.Decimal(20, 0), table.Decimal(38, 3)} {
		t.Run(string(kind), func(t *testing.T) {
			schema := table.Schema{{Name: "id", Type: kind}, {Name: "v", Type: table.Integer}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
			merge := func(rows string, v int) lake.MergeResult {
				b := stageQuery(t, l, schema, fmt.Sprintf("SELECT range::%s AS id, %d::INTEGER AS v FROM %s", duckType(kind), v, rows))
				b.Ref.Table = "t" + folderName(string(kind))
				results, err := l.Merge(t.Context(), []table.Batch{b})
				require.NoError(t, err)
				return results[0]
			}
			require.EqualValues(t, 750_000, merge("range(750001, 1500001)", 0).Inserted)
			require.EqualValues(t, 1, merge("range(1200000, 1200001)", 1).Updated, "which writes the file anew")
			for v, id := range []int{750001, 1200000, 1500000} {
				got := merge(fmt.Sprintf("range(%d, %d)", id, id+1), 2+v)
				require.Equal(t, []int64{0, 1}, []int64{got.Inserted, got.Updated}, "row %d", id)
			}
		})
	}
}
