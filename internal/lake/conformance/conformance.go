// Package conformance is the suite that every lake passes, whatever engine is behind it.
package conformance

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // writes the staged files
	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Run runs the suite. newLake returns an empty lake for each test; the suite closes it.
func Run(t *testing.T, newLake func(t *testing.T) lake.Lake) {
	t.Helper()
	tests := map[string]func(*suite){
		"Create": testCreate, "Merge": testMerge, "Cursors": testCursors, "Reload": testReload, "Kept": testKept, "Drift": testDrift,
		"Batches": testBatches, "Types": testTypes, "Names": testNames, "Tenants": testTenants, "Partitions": testPartitions,
		"TimeTravel": testTimeTravel, "SyncLog": testSyncLog, "Maintenance": testMaintenance, "Query": testQuery,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLake(t)
			t.Cleanup(func() { require.NoError(t, l.Close()) })
			db, err := sql.Open("duckdb", "")
			require.NoError(t, err)
			db.SetMaxOpenConns(1)
			_, err = db.ExecContext(t.Context(), "SET TimeZone = 'UTC'")
			require.NoError(t, err)
			t.Cleanup(func() { db.Close() })
			test(&suite{T: t, lake: l, db: db})
		})
	}
}

const schema = "central"

// suite is one test with its lake.
type suite struct {
	*testing.T
	lake lake.Lake
	db   *sql.DB
	next int
}

// with is the same suite in a subtest.
func (s *suite) run(name string, test func(*suite)) {
	s.T.Run(name, func(t *testing.T) {
		inner := *s
		inner.T = t
		test(&inner)
		s.next = inner.next
	})
}

var acme = table.Ref{Sync: "daily", Client: "acme", Region: "eu", Schema: schema, Table: "orders"}

// batch stages rows given as SQL (without the tenant's columns) as a batch of ref. Columns are "name type" pairs.
func (s *suite) batch(ref table.Ref, columns, rows string, set ...func(*table.Batch)) table.Batch {
	s.Helper()
	s.next++
	b := table.Batch{ID: fmt.Sprintf("%s-%d", strings.ReplaceAll(s.Name(), "/", "-"), s.next), Ref: ref, Keys: []string{"id"}, Schema: columnsOf(columns)}
	b.Schema = append(b.Schema, table.Column{Name: table.ClientColumn, Type: table.String}, table.Column{Name: table.RegionColumn, Type: table.String})
	path := filepath.Join(s.TempDir(), "rows.parquet")
	tenant := fmt.Sprintf("%s AS client_id, %s AS region", table.Literal(ref.Client), table.Literal(ref.Region))
	s.execute(fmt.Sprintf("COPY (SELECT *, %s FROM (%s)) TO %s (FORMAT parquet)", tenant, rows, table.Literal(path)))
	require.NoError(s, s.db.QueryRowContext(s.Context(), "SELECT count(*) FROM read_parquet(?)", path).Scan(&b.Rows))
	info, err := os.Stat(path)
	require.NoError(s, err)
	b.Files, err = s.lake.Stage(s.Context(), b.ID, []table.File{{Path: path, Rows: b.Rows, Bytes: info.Size()}})
	require.NoError(s, err)
	for _, change := range set {
		change(&b)
	}
	return b
}

// kept stages ids given as SQL as rows that the batch's run kept apart.
func (s *suite) kept(rows string) func(*table.Batch) {
	s.Helper()
	return func(b *table.Batch) {
		s.Helper()
		path := filepath.Join(s.TempDir(), "kept.parquet")
		s.execute(fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet)", rows, table.Literal(path)))
		file := table.File{Path: path}
		require.NoError(s, s.db.QueryRowContext(s.Context(), "SELECT count(*) FROM read_parquet(?)", path).Scan(&file.Rows))
		staged, err := s.lake.Stage(s.Context(), fmt.Sprintf("%s/kept-%d", b.ID, len(b.Kept)), []table.File{file})
		require.NoError(s, err)
		b.Kept = append(b.Kept, staged...)
	}
}

// columnsOf reads "id long, note string".
func columnsOf(text string) table.Schema {
	var columns table.Schema
	for _, part := range strings.Split(text, "; ") {
		i := strings.LastIndex(part, " ")
		columns = append(columns, table.Column{Name: part[:i], Type: table.Type(part[i+1:]), Nullable: true})
	}
	return columns
}

func (s *suite) execute(query string) {
	s.Helper()
	_, err := s.db.ExecContext(s.Context(), query)
	require.NoError(s, err, query)
}

// merge merges batches and compares the counts, written "inserted updated deleted" per batch.
func (s *suite) merge(want string, batches ...table.Batch) []lake.MergeResult {
	s.Helper()
	results, err := s.lake.Merge(s.Context(), batches)
	require.NoError(s, err)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprint(r.Inserted, r.Updated, r.Deleted))
	}
	require.Equal(s, want, strings.Join(got, ", "), "inserted, updated and deleted rows")
	return results
}

// rows compares the result of a query with lines of values separated by spaces.
func (s *suite) rows(query string, want ...string) { s.Helper(); s.rowsAt(lake.At{}, query, want...) }

func (s *suite) rowsAt(at lake.At, query string, want ...string) {
	s.Helper()
	var got []string
	for _, row := range s.values(at, query) {
		got = append(got, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Fatalf("%s (-want +got):\n%s", query, diff)
	}
}

func (s *suite) values(at lake.At, query string) [][]any {
	s.Helper()
	rows, err := s.lake.Query(s.Context(), schema, query, at)
	require.NoError(s, err)
	defer func() { require.NoError(s, rows.Close()) }()
	var all [][]any
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		all = append(all, row)
	}
	require.NoError(s, rows.Err())
	return all
}

func (s *suite) version(name string) int64 {
	s.Helper()
	described, err := s.lake.Describe(context.Background(), schema, name)
	require.NoError(s, err)
	return described.Version
}

// Settings of a batch.
func cursor(b *table.Batch)  { b.Cursor, b.Window = "updated", table.Window{Kind: table.CursorTime} }
func reload(b *table.Batch)  { b.Reload = true }
func deleted(b *table.Batch) { b.Deleted = "deleted" }
func drift(policy string) func(*table.Batch) {
	return func(b *table.Batch) { b.Drift = policy }
}

func at(text string) time.Time {
	t, err := time.Parse(time.DateTime, text)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}
