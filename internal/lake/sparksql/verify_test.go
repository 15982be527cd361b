package sparksql_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/verify/rowhash"
)

// edges are the values of every type at which two hashes would part, as DuckDB's SQL.
var edges = []struct {
	name   string
	kind   table.Type
	values string
}{
	{"c_byte", table.Byte, "[-128, -1, 0, 1, 127, NULL]::TINYINT[]"},
	{"c_short", table.Short, "[-32768, -1, 0, 1, 32767, NULL]::SMALLINT[]"},
	{"c_int", table.Integer, "[-2147483648, -1, 0, 1, 2147483647, NULL]::INTEGER[]"},
	{"c_long", table.Long, "[-9223372036854775808, -1, 0, 1, 9223372036854775807, NULL]::BIGINT[]"},
	{"c_float", table.Float, "['-0.0', '0.0', 'nan', '-inf', '3.4028235e38', NULL, '1e-45', '0.1']::FLOAT[]"},
	{"c_double", table.Double, "['-0.0', '0.0', 'nan', '-nan', 'inf', NULL, '5e-324', '0.1']::DOUBLE[]"},
	{"c_bool", table.Boolean, "[true, false, NULL]"},
	{"c_date", table.Date, "['0001-01-01', '1582-10-04', '1582-10-15', '1969-12-31', '1970-01-01', '9999-12-31', NULL]::DATE[]"},
	{"c_time", table.Timestamp, "['0001-01-01 00:00:00+00', '1582-10-04 23:59:59.999999+00', '1969-12-31 23:59:59.999999+00', '1970-01-01 00:00:00+00', '2024-03-10 07:30:00.123456+00', '9999-12-31 23:59:59.999999+00', NULL]::TIMESTAMPTZ[]"},
	{"c_dec_small", table.Decimal(9, 2), "['-9999999.99', '-0.01', '0', '0.01', '9999999.99', NULL]::DECIMAL(9,2)[]"},
	{"c_dec_18", table.Decimal(18, 4), "['-99999999999999.9999', '-1', '0', '1', '99999999999999.9999', NULL]::DECIMAL(18,4)[]"},
	{"c_dec_19", table.Decimal(19, 0), "['-9223372036854775809', '-129', '-128', '-1', '0', '1', '127', '128', '255', '256', '32768', '9999999999999999999', NULL]::DECIMAL(19,0)[]"},
	{"c_dec_38", table.Decimal(38, 10), "['-9999999999999999999999999999.9999999999', '-0.0000000001', '0', '0.0000000128', '1', '9999999999999999999999999999.9999999999', NULL]::DECIMAL(38,10)[]"},
	{"c_text", table.String, "['', ' ', 'a', 'abc', 'abcd', 'abcdefg', 'abcdefgh', 'ä€😀', 'a' || chr(0) || 'b', repeat('x', 31), repeat('x', 32), repeat('ü', 20), repeat('long ', 1000), NULL]"},
	{"c_bytes", table.Binary, "[''::BLOB, '\\x00'::BLOB, '\\xFF\\x80'::BLOB, encode(repeat('b', 33)), NULL]"},
}

// rowsOfEdges is how many rows edgeRows makes, so that every value of every type is in some, beside others each time.
const rowsOfEdges = 60

func edgeRows() (table.Schema, string) {
	columns := table.Schema{{Name: "id", Type: table.Long}}
	rows := "SELECT i AS id"
	for n, e := range edges {
		columns = append(columns, table.Column{Name: e.name, Type: e.kind, Nullable: true})
		rows += ", (" + e.values + ")[1 + ((i + " + string(rune('0'+n%10)) + ") % len(" + e.values + "))::INTEGER] AS " + e.name
	}
	tenants := table.Schema{{Name: table.ClientColumn, Type: table.String, Nullable: true}, {Name: table.RegionColumn, Type: table.String, Nullable: true}}
	return append(columns, tenants...), rows + " FROM range(60) r(i)"
}

// TestChecksumsEqualSparksOwn holds Go's hashes of a Parquet file against those that Spark computes of the table that it was merged into: of
// every row, every cell, and every range.
func TestChecksumsEqualSparksOwn(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	l, schema := openSpark(t, spark), spark.Schema(t)
	columns, rows := edgeRows()
	b := batch(t, l, schema, "acme", rows, func(b *table.Batch) { b.Ref.Table, b.Schema = "edges", columns })
	require.Equal(t, "60 0 0", merged(t, l, b))
	other := batch(t, l, schema, "brio", rows, func(b *table.Batch) { b.Ref.Table, b.Schema = "edges", columns })
	require.Equal(t, "60 0 0", merged(t, l, other), "rows of another client do not count")
	described, err := l.Describe(t.Context(), schema, "edges")
	require.NoError(t, err)

	for _, keys := range [][]string{
		{"id"}, {"c_text", "c_dec_19", "id"}, {"c_bytes", "c_date", "c_dec_38", "id"}, {"c_double", "c_float", "c_time", "c_bool", "id"},
	} {
		ours := rowsOf(t, b, columns[:len(columns)-2], keys, "c_time")
		of := lake.Fingerprint{Ref: b.Ref, Version: described.Version, Layout: ours.layout}
		sums, err := l.Checksums(t.Context(), of)
		require.NoError(t, err)
		require.Equal(t, ours.sums, sums, "ranges of %v", keys)

		theirs := map[rowhash.Key]uint64{}
		part := rowhash.Part{ours.layout.Ranges.Interval(0), ours.layout.Ranges.Interval(1), ours.layout.Ranges.Interval(3)}
		require.NoError(t, l.RowHashes(t.Context(), of, part, func(key rowhash.Key, hash uint64) error {
			theirs[key] = hash
			return nil
		}))
		maps.DeleteFunc(ours.rows, func(key rowhash.Key, _ uint64) bool { return !part.Has([]byte(key)) })
		require.Equal(t, ours.rows, theirs, "rows of %v", keys)

		if len(keys) > 1 {
			continue // cells do not depend on the key
		}
		cells := map[rowhash.Key][]uint64{}
		require.NoError(t, l.CellHashes(t.Context(), of, slices.Collect(maps.Keys(ours.cells)), func(key rowhash.Key, hashes []uint64) error {
			cells[key] = hashes
			return nil
		}))
		for key, want := range ours.cells {
			for i, c := range ours.layout.Hasher.Columns() {
				require.Equal(t, want[i], cells[key][i], "%s of row %v", c.Name, ours.layout.Keys.Text(key))
			}
		}
	}
}

// hashed is what Go makes of rows.
type hashed struct {
	layout *rowhash.Layout
	sums   rowhash.Checksums
	rows   map[rowhash.Key]uint64
	cells  map[rowhash.Key][]uint64
}

// rowsOf hashes a batch's first file.
func rowsOf(t *testing.T, b table.Batch, columns table.Schema, keys []string, cursor string) hashed {
	t.Helper()
	f, err := file.OpenParquetFile(b.Files[0].Path, false)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	reader, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	require.NoError(t, err)
	rows, err := reader.ReadTable(t.Context())
	require.NoError(t, err)
	defer rows.Release()
	of := rowhash.Batch{Rows: int(rows.NumRows())}
	for i := range columns {
		of.Arrays = append(of.Arrays, whole(rows.Column(i)))
	}
	out := hashed{rows: map[rowhash.Key]uint64{}, cells: map[rowhash.Key][]uint64{}}
	out.layout, err = rowhash.NewLayout(columns, keys, cursor, nil)
	require.NoError(t, err)
	var sample []rowhash.Key
	require.NoError(t, out.layout.Visit(of, nil, func(n int, key []byte, hash uint64) error {
		k := rowhash.Key(key)
		sample, out.rows[k] = append(sample, k), hash
		out.cells[k], err = out.layout.Hasher.Cells(of.Arrays, n)
		return err
	}))
	require.Len(t, out.rows, rowsOfEdges)
	out.layout.Ranges = rowhash.Split(sample, 5)
	require.Equal(t, 5, out.layout.Ranges.Len())
	out.sums = out.layout.NewChecksums()
	require.NoError(t, out.sums.Add(out.layout, of, nil))
	return out
}

func whole(c *arrow.Column) arrow.Array { return c.Data().Chunk(0) }
