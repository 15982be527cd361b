package steps

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// columns makes source columns of "name type" pairs; a type that ends in "?" is nullable.
func columns(pairs ...string) []table.SourceColumn {
	var out []table.SourceColumn
	for _, pair := range pairs {
		name, typ, _ := strings.Cut(pair, " ")
		typ, nullable := strings.CutSuffix(typ, "?")
		out = append(out, table.SourceColumn{Source: name, Name: name, Type: table.Type(typ), Nullable: nullable})
	}
	return out
}

// newJob is a job of client acme in region eu, without raw rows.
func newJob(t *testing.T, ids []string, cursor string, pairs ...string) Job {
	t.Helper()
	return Job{
		Client: table.Client{ID: "acme", Region: "eu", Database: "shop"},
		Ref:    table.Ref{Client: "acme", Region: "eu", Table: "orders"},
		Spec:   table.Spec{Name: "orders"},
		Plan:   table.Plan{Columns: columns(pairs...), IDs: ids, Cursor: cursor},
		Dir:    t.TempDir(),
	}
}

// withRows writes raw files of perBatch rows a batch and one batch a file.
func withRows(t *testing.T, job Job, perFile int, rows ...[]any) Job {
	t.Helper()
	schema, err := arrowSchema(job.Plan.Schema())
	require.NoError(t, err)
	job.Raw = table.Raw{}
	dir := t.TempDir()
	for n := 0; n*perFile < len(rows); n++ {
		b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
		for _, row := range rows[n*perFile : min(len(rows), (n+1)*perFile)] {
			for i, value := range row {
				appendValue(t, b.Field(i), value)
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("%d.arrow", n))
		writeRaw(t, path, schema, b.NewRecordBatch())
		job.Raw.Files = append(job.Raw.Files, path)
	}
	job.Raw.Rows = int64(len(rows))
	job.Raw.Bytes = 100 * job.Raw.Rows
	return job
}

func writeRaw(t testing.TB, path string, schema *arrow.Schema, batches ...arrow.RecordBatch) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	w := ipc.NewWriter(file, ipc.WithSchema(schema))
	for _, batch := range batches {
		require.NoError(t, w.Write(batch))
	}
	require.NoError(t, w.Close())
	require.NoError(t, file.Close())
}

func appendValue(t *testing.T, b array.Builder, value any) {
	t.Helper()
	if value == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.Int8Builder:
		b.Append(int8(value.(int)))
	case *array.Int16Builder:
		b.Append(int16(value.(int)))
	case *array.Int32Builder:
		b.Append(int32(value.(int)))
	case *array.Int64Builder:
		b.Append(int64(value.(int)))
	case *array.Float32Builder:
		b.Append(float32(value.(float64)))
	case *array.Float64Builder:
		b.Append(value.(float64))
	case *array.BooleanBuilder:
		b.Append(value.(bool))
	case *array.StringBuilder:
		b.Append(value.(string))
	case *array.BinaryBuilder:
		b.Append(value.([]byte))
	case *array.Date32Builder:
		b.Append(arrow.Date32FromTime(moment(t, value)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(moment(t, value).UnixMicro()))
	case *array.Decimal128Builder:
		typ := b.Type().(*arrow.Decimal128Type)
		n, err := decimal128.FromString(value.(string), typ.Precision, typ.Scale)
		require.NoError(t, err)
		b.Append(n)
	default:
		t.Fatalf("no builder for %T", b)
	}
}

func moment(t *testing.T, value any) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02", "2006-01-02 15:04:05.999999"} {
		if at, err := time.Parse(layout, value.(string)); err == nil {
			return at
		}
	}
	t.Fatalf("no time: %v", value)
	return time.Time{}
}

// query runs SQL over Parquet files with an engine of its own and returns every value as text, NULL as "NULL".
func query(t *testing.T, text string) [][]string {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec("SET TimeZone = 'UTC'")
	require.NoError(t, err)
	rows, err := db.Query("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (" + text + ")")
	require.NoError(t, err)
	defer rows.Close()
	names, err := rows.Columns()
	require.NoError(t, err)
	var out [][]string
	for rows.Next() {
		values, dest := make([]*string, len(names)), make([]any, len(names))
		for i := range values {
			dest[i] = &values[i]
		}
		require.NoError(t, rows.Scan(dest...))
		row := make([]string, len(names))
		for i, v := range values {
			row[i] = "NULL"
			if v != nil {
				row[i] = *v
			}
		}
		out = append(out, row)
	}
	require.NoError(t, rows.Err())
	return out
}

// clean reads what Transform wrote, in order.
func clean(t *testing.T, out Transformed, columns string) [][]string {
	t.Helper()
	var all [][]string
	for _, f := range out.Files {
		all = append(all, query(t, "SELECT "+columns+" FROM read_parquet("+table.Literal(f.Path)+")")...)
	}
	return all
}

// both runs Validate and Transform.
func both(t *testing.T, job Job) (Validated, Transformed) {
	t.Helper()
	valid, err := Validate(context.Background(), job)
	require.NoError(t, err)
	out, err := Transform(context.Background(), job, valid)
	require.NoError(t, err)
	return valid, out
}
