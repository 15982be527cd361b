package tests

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// vectorsQuery sums up a table so that a row that is missing, doubled or old changes it.
const vectorsQuery = "select count(*), count(distinct id), sum(id), sum(v), sum(cast(v as bigint) * id) from %s"

// TestSparkAndTheLocalLakeShareDeletionVectors has each take rows out of the other's files.
func TestSparkAndTheLocalLakeShareDeletionVectors(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	dir := filepath.Join(spark.Dir, "lake")
	local, err := open.Lake(t.Context(), config.Lake{Kind: config.LakeLocal, Path: dir, Memory: "512MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, local.Close()) })
	remote := openSpark(t, spark)
	path := filepath.Join(dir, "central", "vectors")
	same := func(t *testing.T) {
		t.Helper()
		want := queryText(t, local, "central", fmt.Sprintf(vectorsQuery, "vectors"))
		require.Equal(t, want, queryText(t, remote, "default", fmt.Sprintf(vectorsQuery, "delta.`"+path+"`")))
		t.Log(want)
	}
	merge := func(t *testing.T, v int, rows string) lake.MergeResult {
		t.Helper()
		results, err := local.Merge(t.Context(), []table.Batch{vectorsBatch(t, local, v, rows)})
		require.NoError(t, err)
		return results[0]
	}
	require.EqualValues(t, 100_000, merge(t, 0, "range(100000)").Inserted)
	require.Equal(t, 0, vectorsIn(t, path))

	require.EqualValues(t, 40, merge(t, 1, "range(0, 100000, 2500)").Updated)
	require.Equal(t, 1, vectorsIn(t, path), "one that is in the log")
	same(t)
	require.EqualValues(t, 5000, merge(t, 2, "range(0, 100000, 20)").Updated)
	require.Equal(t, 2, vectorsIn(t, path), "one that is a file")
	same(t)

	runs, ok := lake.As[lake.Executor](remote)
	require.True(t, ok)
	require.NoError(t, runs.Exec(t.Context(), "default", "DELETE FROM delta.`"+path+"` WHERE id % 1000 = 7"))
	require.Greater(t, vectorsIn(t, path), 2, "Spark wrote one too")
	same(t)
	require.Equal(t, []string{"99900"}, queryText(t, local, "central", "select count(*) from vectors"))
	got := merge(t, 3, "range(0, 2000)")
	require.Equal(t, []int64{2, 1998}, []int64{got.Inserted, got.Updated}, "those that Spark deleted come back")
	same(t)
	for v := 4; v < 11; v++ { // past a checkpoint
		require.EqualValues(t, 3, merge(t, v, fmt.Sprintf("range(%d, %d)", v*3000, v*3000+3)).Updated)
	}
	require.NotEmpty(t, glob(t, path, "_delta_log", "*.checkpoint.parquet"))
	same(t)
	removed, _, err := local.Optimize(t.Context(), "central", "vectors", lake.Compaction{})
	require.NoError(t, err)
	require.Positive(t, removed)
	same(t)
	require.Equal(t, queryText(t, remote, "default", fmt.Sprintf(vectorsQuery, "delta.`"+path+"` VERSION AS OF 2")),
		queryTextAt(t, local, 2, fmt.Sprintf(vectorsQuery, "vectors")))
}

// vectorsBatch is a batch with ids from a query, made for a table with deletion vectors. Its files are too large to be written anew for a few rows.
func vectorsBatch(t *testing.T, l lake.Lake, v int, rows string) table.Batch {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	path := filepath.Join(t.TempDir(), "rows.parquet")
	result, err := db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT range AS id, %d::INTEGER AS v, sha256(range::VARCHAR) AS note, 'acme' AS client_id, 'eu' AS region FROM %s) TO %s (FORMAT parquet)",
		v, rows, table.Literal(path)))
	require.NoError(t, err)
	b := table.Batch{
		ID: fmt.Sprintf("vectors/%d", v), Ref: table.Ref{Client: "acme", Region: "eu", Schema: "central", Table: "vectors"}, Keys: []string{"id"},
		Schema: table.Schema{{Name: "id", Type: table.Long}, {Name: "v", Type: table.Integer}, {Name: "note", Type: table.String},
			{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}},
		Window: table.Window{Kind: table.CursorInteger, Low: "0"}, Properties: map[string]string{"delta.enableDeletionVectors": "true"},
	}
	b.Rows, err = result.RowsAffected()
	require.NoError(t, err)
	b.Files, err = l.Stage(t.Context(), b.ID, []table.File{{Path: path, Rows: b.Rows, Bytes: 1}})
	require.NoError(t, err)
	return b
}

// vectorsIn counts the commits of a table that gave a file a deletion vector.
func vectorsIn(t *testing.T, path string) (commits int) {
	t.Helper()
	for _, name := range glob(t, path, "_delta_log", "*.json") {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, `{"add"`) && strings.Contains(line, `"storageType"`) {
				commits++
				break
			}
		}
	}
	return commits
}

func glob(t *testing.T, parts ...string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(parts...))
	require.NoError(t, err)
	return found
}

func queryTextAt(t *testing.T, l lake.Lake, version int64, sql string) []string {
	t.Helper()
	rows, err := l.Query(t.Context(), "central", sql, lake.At{Version: &version})
	require.NoError(t, err)
	defer func() { require.NoError(t, rows.Close()) }()
	row, ok := rows.Next()
	require.True(t, ok)
	cells := make([]string, len(row))
	for i, cell := range row {
		cells[i] = cellText(rows.Columns()[i].Type, cell)
	}
	return []string{strings.Join(cells, "|")}
}
