package delta

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

//go:embed testdata/deltars.py
var deltaRS string

// python runs the script's command with delta-rs and decodes its JSON answer. It fails where delta-rs is not installed: a
// table that only we can read is no Delta table.
func python(t *testing.T, answer any, args ...string) {
	t.Helper()
	cmd := testserver.PythonCommand(t, deltaRS, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	require.NoError(t, json.Unmarshal(out, answer))
}

// read is what delta-rs says about a table.
type read struct {
	Version    int64
	Rows       []map[string]any // by id
	Partitions []string
	Operations []string // newest first
	Removed    int      // files that its vacuum would delete
}

func interopSchema(columns ...table.Column) table.Schema {
	schema := table.Schema{{Name: "id", Type: table.Long}, {Name: "note", Type: table.String, Nullable: true, Comment: "free text"}}
	return append(schema, columns...)
}

// writeRows writes a data file of (id, note) rows and returns its Add. Partition columns are in the log only.
func writeRows(t *testing.T, dir string, columns []string, values map[string]*string, firstID, rows int64) Add {
	t.Helper()
	schema := arrow.NewSchema([]arrow.Field{{Name: "id", Type: arrow.PrimitiveTypes.Int64}, {Name: "note", Type: arrow.BinaryTypes.String, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	defer b.Release()
	for id := firstID; id < firstID+rows; id++ {
		b.Field(0).(*array.Int64Builder).Append(id)
		b.Field(1).(*array.StringBuilder).Append("note " + itoa(id))
	}
	batch := b.NewRecordBatch()
	defer batch.Release()
	path := strings.TrimPrefix(PartitionPath(columns, values)+"/part "+itoa(firstID)+" ü%20#?+.parquet", "/")
	local := filepath.Join(dir, filepath.FromSlash(path))
	require.NoError(t, os.MkdirAll(filepath.Dir(local), 0o755))
	f, err := os.Create(local)
	require.NoError(t, err)
	w, err := pqarrow.NewFileWriter(schema, f, parquet.NewWriterProperties(), pqarrow.DefaultWriterProps())
	require.NoError(t, err)
	require.NoError(t, w.Write(batch))
	require.NoError(t, w.Close())
	info, err := os.Stat(local)
	require.NoError(t, err)
	stats := NewStats(rows)
	require.NoError(t, stats.Set("id", table.Long, firstID, firstID+rows-1, 0))
	text, err := stats.JSON()
	require.NoError(t, err)
	return Add{Path: EncodePath(path), PartitionValues: values, Size: info.Size(), ModificationTime: info.ModTime().UnixMilli(), Stats: text}
}

func TestDeltaRSReadsOurTables(t *testing.T) {
	dir := t.TempDir()
	columns := []string{"client", "day", "at", "amount", "flag", "n"}
	schema := interopSchema(
		table.Column{Name: "client", Type: table.String, Nullable: true}, table.Column{Name: "day", Type: table.Date, Nullable: true},
		table.Column{Name: "at", Type: table.Timestamp, Nullable: true}, table.Column{Name: "amount", Type: table.Decimal(12, 2), Nullable: true},
		table.Column{Name: "flag", Type: table.Boolean, Nullable: true}, table.Column{Name: "n", Type: table.Short, Nullable: true})
	metadata, err := NewMetadata("odd", "values", schema, columns, nil)
	require.NoError(t, err)
	tbl := Open(dir)
	_, err = tbl.Commit(t.Context(), Tx{Metadata: &metadata, Operation: "CREATE TABLE"})
	require.NoError(t, err)
	clients := []any{"plain", "with space", "a/b", "a=b", "50%", "%20", "ü🎉", `q"'\`, "tab\t", "new\nline", "..", "#?*:;&+", strings.Repeat("long", 100), " ", "NULL", nil}
	want := map[float64]map[string]any{}
	// No negative decimal: delta-rs 1.6 hands those of partitions to PyArrow as -1.-50.
	for i, client := range clients {
		row := []any{client, noon, noon, "1.50", true, int64(-5)}
		if i == len(clients)-1 {
			row = []any{nil, nil, nil, nil, nil, nil}
		}
		values := map[string]*string{}
		for k, column := range columns {
			kind := schema[schema.Find(column)].Type
			values[column], err = PartitionValue(kind, row[k])
			require.NoError(t, err)
		}
		_, err = tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{writeRows(t, dir, columns, values, int64(i), 1)}, DataChange: true, Operation: "WRITE"})
		require.NoError(t, err)
		want[float64(i)] = map[string]any{"id": float64(i), "note": "note " + itoa(int64(i)), "client": client, "day": "2024-02-29",
			"at": "2024-02-29 12:30:45.123456+00:00", "amount": "1.50", "flag": true, "n": float64(-5)}
		if client == nil {
			for _, column := range columns {
				want[float64(i)][column] = nil
			}
		}
	}
	check := func(t *testing.T) {
		t.Helper()
		var got read
		python(t, &got, "read", dir)
		require.EqualValues(t, len(clients), got.Version)
		require.Equal(t, columns, got.Partitions)
		require.Len(t, got.Rows, len(want))
		for _, row := range got.Rows {
			require.Equal(t, want[row["id"].(float64)], row)
		}
	}
	t.Run("OK from the log", check)
	t.Run("OK from the checkpoint", func(t *testing.T) {
		for v := range int64(10) {
			require.NoError(t, os.Remove(commitFile(dir, v)))
		}
		check(t)
		requireSame(t, snapshot(t, tbl), snapshot(t, Open(dir)))
	})
}

func TestDeltaRSReadsOurChanges(t *testing.T) {
	dir := t.TempDir()
	metadata, err := NewMetadata("changes", "", interopSchema(), nil, map[string]string{"delta.checkpointInterval": "3"})
	require.NoError(t, err)
	tbl := Open(dir)
	commit := func(tx Tx) {
		t.Helper()
		if tx.Metadata == nil || tx.Operation != "CREATE TABLE" {
			tx.Read = snapshot(t, tbl)
		}
		tx.DataChange = tx.Operation != "OPTIMIZE"
		_, err := tbl.Commit(t.Context(), tx)
		require.NoError(t, err)
	}
	commit(Tx{Metadata: &metadata, Operation: "CREATE TABLE"})
	commit(Tx{Adds: []Add{writeRows(t, dir, nil, map[string]*string{}, 0, 10)}, Operation: "WRITE"})
	commit(Tx{Adds: []Add{writeRows(t, dir, nil, map[string]*string{}, 10, 10)}, Operation: "WRITE"})
	evolved, err := metadata.WithSchema(interopSchema(table.Column{Name: "more", Type: table.Decimal(10, 3), Nullable: true, Comment: "new"}))
	require.NoError(t, err)
	commit(Tx{Metadata: &evolved, Operation: "ADD COLUMNS"})
	commit(Tx{Removes: snapshot(t, tbl).Files()[:1], Operation: "DELETE", Metrics: map[string]string{"numDeletedRows": "10"}, Txns: map[string]int64{"app": 3}})
	commit(Tx{Adds: []Add{writeRows(t, dir, nil, map[string]*string{}, 100, 10)}, Removes: snapshot(t, tbl).Files(), Operation: "OPTIMIZE"})
	commit(Tx{Operation: "WRITE"}) // writes the checkpoint at 6
	require.FileExists(t, checkpointFile(dir, 6))

	var got read
	python(t, &got, "read", dir)
	require.EqualValues(t, 6, got.Version)
	require.Equal(t, []string{"WRITE", "OPTIMIZE", "DELETE", "ADD COLUMNS", "WRITE", "WRITE", "CREATE TABLE"}, got.Operations)
	require.Len(t, got.Rows, 10)
	require.Equal(t, map[string]any{"id": 100.0, "note": "note 100", "more": nil}, got.Rows[0])
	require.Equal(t, 2, got.Removed, "it knows our tombstones")
	for v := range int64(6) {
		require.NoError(t, os.Remove(commitFile(dir, v)))
	}
	python(t, &got, "read", dir)
	require.Len(t, got.Rows, 10)
	require.Equal(t, 2, got.Removed, "it knows the tombstones of our checkpoint")

	python(t, &got, "append", dir) // it writes after us, and we after it
	require.EqualValues(t, 7, snapshot(t, tbl).Version)
	commit(Tx{Adds: []Add{writeRows(t, dir, nil, map[string]*string{}, 200, 1)}, Operation: "WRITE"})
	python(t, &got, "read", dir)
	require.Len(t, got.Rows, 12)
}

func TestDeltaRSReadsOurDeletionVectors(t *testing.T) {
	dir := t.TempDir()
	metadata, err := NewMetadata("vectors", "", interopSchema(), nil, map[string]string{"delta.enableDeletionVectors": "true", "delta.checkpointInterval": "4"})
	require.NoError(t, err)
	tbl := Open(dir)
	_, err = tbl.Commit(t.Context(), Tx{Metadata: &metadata, Operation: "CREATE TABLE"})
	require.NoError(t, err)
	add := writeRows(t, dir, nil, map[string]*string{}, 0, 20_000)
	_, err = tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{add}, DataChange: true, Operation: "WRITE"})
	require.NoError(t, err)
	check := func(t *testing.T, gone ...uint64) {
		t.Helper()
		_, err := masked(t, tbl, add.Path, gone...)
		require.NoError(t, err)
		var got read
		python(t, &got, "query", dir)
		require.Len(t, got.Rows, 20_000-len(gone))
		for _, row := range got.Rows {
			require.NotContains(t, gone, uint64(row["id"].(float64)))
		}
	}
	t.Run("OK in the log", func(t *testing.T) { check(t, 0, 7, 19_999) })
	many := makeRows(1500)
	for i := range many {
		many[i] *= 13
	}
	t.Run("OK in a file", func(t *testing.T) { check(t, many...) })
	t.Run("OK from the checkpoint", func(t *testing.T) {
		check(t, many[:1400]...)
		require.FileExists(t, checkpointFile(dir, 4))
		for v := range int64(4) {
			require.NoError(t, os.Remove(commitFile(dir, v)))
		}
		var got read
		python(t, &got, "query", dir)
		require.Len(t, got.Rows, 20_000-1400)
	})
}

func TestDeltaRSAllowsDeletionVectorsInOurTables(t *testing.T) {
	dir := t.TempDir()
	metadata, err := NewMetadata("plain", "", interopSchema(), nil, nil)
	require.NoError(t, err)
	tbl := Open(dir)
	_, err = tbl.Commit(t.Context(), Tx{Metadata: &metadata, Operation: "CREATE TABLE"})
	require.NoError(t, err)
	add := writeRows(t, dir, nil, map[string]*string{}, 0, 10)
	_, err = tbl.Commit(t.Context(), Tx{Read: snapshot(t, tbl), Adds: []Add{add}, DataChange: true, Operation: "WRITE"})
	require.NoError(t, err)
	require.False(t, snapshot(t, tbl).DeletionVectors())
	python(t, &struct{}{}, "allow", dir)
	require.True(t, snapshot(t, tbl).DeletionVectors())
	_, err = masked(t, tbl, add.Path, 1, 2)
	require.NoError(t, err)
	var got read
	python(t, &got, "query", dir)
	require.Len(t, got.Rows, 8)
}

func TestWeReadDeltaRSTables(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "theirs")
	var made struct {
		Files      map[string]map[string]*string // partition values by path on disk
		Checkpoint int64
		Times      []int64 // ms, newest first
	}
	python(t, &made, "make", dir)
	check := func(t *testing.T) {
		t.Helper()
		s := snapshot(t, Open(dir))
		require.Len(t, s.Files(), len(made.Files))
		rows := int64(0)
		for _, a := range s.Files() {
			require.FileExists(t, a.LocalPath(dir))
			rel, err := filepath.Rel(dir, a.LocalPath(dir))
			require.NoError(t, err)
			values, ok := made.Files[filepath.ToSlash(rel)]
			require.True(t, ok, rel)
			require.Equal(t, values, a.PartitionValues)
			stats, err := a.Statistics()
			require.NoError(t, err)
			rows += stats.NumRecords
			require.True(t, stats.MayContain("id", table.Long, 0, 1000))
			require.False(t, stats.MayContain("id", table.Long, 1000, nil))
		}
		require.EqualValues(t, 16, rows)
		schema, err := s.Schema()
		require.NoError(t, err)
		require.Equal(t, []table.Type{table.Long, table.Timestamp, table.Decimal(12, 2), table.String}, []table.Type{schema[0].Type, schema[1].Type, schema[2].Type, schema[3].Type})
		require.Equal(t, []string{"client"}, s.Metadata.PartitionColumns)
		require.Len(t, s.tombstones, 1)
	}
	t.Run("OK from the log", check)
	t.Run("OK history", func(t *testing.T) {
		history, err := Open(dir).History(t.Context(), 0)
		require.NoError(t, err)
		times := make([]int64, len(history))
		for i, h := range history {
			times[i] = h.Timestamp.UnixMilli()
		}
		require.True(t, sort.SliceIsSorted(times, func(i, j int) bool { return times[i] > times[j] }))
		require.Equal(t, made.Times, times)
		version, err := Open(dir).VersionAsOf(t.Context(), time.UnixMilli(made.Times[1]))
		require.NoError(t, err)
		require.EqualValues(t, len(times)-2, version)
	})
	t.Run("OK from the checkpoint", func(t *testing.T) {
		for v := range made.Checkpoint + 1 {
			require.NoError(t, os.Remove(commitFile(dir, v)))
		}
		check(t)
	})
}
