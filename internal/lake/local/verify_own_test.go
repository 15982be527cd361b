package local

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

// summed returns the checksums of what read passes on, and how many rows it was.
func summed(t *testing.T, of lake.Fingerprint, read func(context.Context, hashed) error) rowhash.Checksums {
	t.Helper()
	total := of.Layout.NewChecksums()
	var mu sync.Mutex
	require.NoError(t, read(t.Context(), func(b rowhash.Batch, skip func(int) bool) error {
		mu.Lock()
		defer mu.Unlock()
		return total.Add(of.Layout, b, skip)
	}))
	return total
}

// requireBothWays sums a table's rows without DuckDB, which all of its files must allow, and with it.
func requireBothWays(t *testing.T, l *Lake, of lake.Fingerprint, rows int64) {
	t.Helper()
	f, err := l.filesAt(t.Context(), of.Ref.Schema, of.Ref.Table, lake.At{Version: &of.Version})
	require.NoError(t, err)
	for _, add := range f.adds {
		require.True(t, f.plain(add, of), add.Path)
	}
	except, few, err := exceptKeys(t.Context(), l.dir, of)
	require.NoError(t, err)
	require.True(t, few)
	own := summed(t, of, func(ctx context.Context, batch hashed) error {
		misfits, err := f.hashOwn(ctx, of, except, batch)
		require.Empty(t, misfits)
		return err
	})
	duck := summed(t, of, func(ctx context.Context, batch hashed) error {
		queue := make(chan slice, 100)
		for _, s := range f.slices() {
			queue <- s
		}
		close(queue)
		return l.verifyQueue(ctx, f, of, queue, batch)
	})
	require.Equal(t, rows, own.Total().Rows)
	require.Equal(t, duck, own)
}

func fingerprintOf(t *testing.T, l *Lake, b table.Batch, ranges ...rowhash.Key) lake.Fingerprint {
	t.Helper()
	described, err := l.Describe(t.Context(), b.Ref.Schema, b.Ref.Table)
	require.NoError(t, err)
	var columns table.Schema
	for _, c := range described.Columns {
		if c.Name != table.ClientColumn && c.Name != table.RegionColumn {
			columns = append(columns, c)
		}
	}
	layout, err := rowhash.NewLayout(columns, b.Keys, "", ranges)
	require.NoError(t, err)
	return lake.Fingerprint{Ref: b.Ref, Version: described.Version, Layout: layout}
}

func TestOwnFilesAreHashedWithoutDuckDBAsWithIt(t *testing.T) {
	l := openVectors(t, t.TempDir())
	l.masking.share = 0.25
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	tenants := table.Schema{{Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}}
	every := []struct {
		name, sql string
		kind      table.Type
	}{
		{"byte", "i % 100", table.Byte}, {"short", "i", table.Short}, {"int", "-i", table.Integer}, {"long", "i * 1000000007", table.Long},
		{"float", "i / 7", table.Float}, {"double", "CASE i % 4 WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN '-0.0'::DOUBLE WHEN 2 THEN '-inf'::DOUBLE ELSE i / 3 END", table.Double},
		{"yes", "i % 2 = 0", table.Boolean}, {"text", "repeat('é🙂', i % 9) || i", table.String}, {"few", "'status ' || i % 3", table.String},
		{"bytes", "encode(repeat('a', i % 11))", table.Binary}, {"day", "DATE '0001-01-01' + (i * 100)::INTEGER", table.Date},
		{"at", "TIMESTAMPTZ '1000-01-01 00:00:00.000001+00' + to_days((i * 100)::INTEGER)", table.Timestamp},
		{"d9", "i / 100", table.Decimal(9, 2)}, {"d18", "-i / 10000", table.Decimal(18, 4)}, {"d20", "18446744073709551615 - i", table.Decimal(20, 0)},
		{"d38", "i * 1234567890123456789012.5::DECIMAL(30,1)", table.Decimal(38, 1)},
	}
	schema, list := table.Schema{{Name: "id", Type: table.Long}}, "i AS id"
	for n, c := range every { // NULLs in each, in other rows
		schema = append(schema, table.Column{Name: c.name, Type: c.kind})
		list += ", CASE WHEN i % " + string(rune('2'+n%7)) + " <> 0 THEN (" + c.sql + ")::" + duckType(c.kind) + " END AS " + c.name
	}
	merge := func(schema table.Schema, query string, options ...string) table.Batch {
		b := stageQuery(t, l.Lake, append(schema, tenants...), query, options...)
		_, err := l.Merge(t.Context(), []table.Batch{b})
		require.NoError(t, err)
		return b
	}
	b := merge(schema, "SELECT "+list+" FROM (SELECT range AS i FROM range(9000))", "ROW_GROUP_SIZE 2048")
	bound, err := fingerprintOf(t, l.Lake, b).Layout.Keys.Encode([]any{int64(5000)})
	require.NoError(t, err)
	requireBothWays(t, l.Lake, fingerprintOf(t, l.Lake, b, bound), 9000)

	t.Run("deletion vectors", func(t *testing.T) {
		merge(schema, "SELECT * REPLACE ('changed' AS text) FROM (SELECT "+list+" FROM (SELECT range AS i FROM range(0, 10000, 50)))")
		marked := 0
		for _, add := range filesOf(t, l.Lake) {
			if add.DeletionVector != nil {
				marked++
			}
		}
		require.Positive(t, marked)
		requireBothWays(t, l.Lake, fingerprintOf(t, l.Lake, b, bound), 9000+20)
	})
	t.Run("keys to leave out", func(t *testing.T) {
		of := fingerprintOf(t, l.Lake, b, bound)
		of.Except = stageQuery(t, l.Lake, table.Schema{{Name: "id", Type: table.Long}}, "SELECT range AS id FROM range(4000, 4100)").Files
		requireBothWays(t, l.Lake, of, 9000+20-100)
	})
	t.Run("columns that files do not have", func(t *testing.T) {
		merge(table.Schema{{Name: "id", Type: table.Long}, {Name: "later", Type: table.String}}, "SELECT range AS id, 'new' AS later FROM range(20000, 20010)")
		requireBothWays(t, l.Lake, fingerprintOf(t, l.Lake, b, bound), 9000+20+10)
	})
	t.Run("rows that say that they are another's", func(t *testing.T) {
		of := fingerprintOf(t, l.Lake, b, bound)
		path := filesOf(t, l.Lake)[0].LocalPath(l.tableDir(t))
		rewrite(t, path, "* REPLACE (CASE id % 3 WHEN 0 THEN 'other' WHEN 1 THEN NULL ELSE client_id END AS client_id)")
		whole, err := l.Checksums(t.Context(), of)
		require.NoError(t, err)
		require.Less(t, whole.Total().Rows, int64(9000))
		requireBothWays(t, l.Lake, of, whole.Total().Rows)
	})
	t.Run("a damaged file is an error", func(t *testing.T) {
		of := fingerprintOf(t, l.Lake, b, bound)
		path := filesOf(t, l.Lake)[0].LocalPath(l.tableDir(t))
		require.NoError(t, os.WriteFile(path, []byte("no Parquet"), 0o600))
		_, err := l.Checksums(t.Context(), of)
		require.ErrorContains(t, err, path)
		require.ErrorContains(t, err, "verify central.orders at version")
		require.NoError(t, os.Remove(path))
		_, err = l.Checksums(t.Context(), of)
		require.ErrorIs(t, err, os.ErrNotExist)
	})
}

// rewrite replaces a Parquet file by a query of its rows, in their order.
func rewrite(t *testing.T, path, list string) {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	made := filepath.Join(t.TempDir(), "made.parquet")
	_, err = db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT %s FROM read_parquet(%s, hive_partitioning = false)) TO %s (FORMAT parquet)", list, table.Literal(path), table.Literal(made)))
	require.NoError(t, err)
	require.NoError(t, os.Rename(made, path))
}

func (l vectorLake) tableDir(t *testing.T) string {
	t.Helper()
	tbl, err := l.table("central", "orders")
	require.NoError(t, err)
	return tbl.Dir()
}
