package conformance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"database/sql"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// suite is one test with its lake and its schema.
type suite struct {
	*testing.T
	Options
	lake   lake.Lake
	db     *sql.DB
	schema string
	next   *int // number of the next batch
}

// run is the same suite in a subtest.
func (s *suite) run(name string, test func(*suite)) {
	s.Helper()
	s.Run(name, func(t *testing.T) {
		inner := *s
		inner.T = t
		test(&inner)
	})
}

// ref is a client's orders.
func (s *suite) ref(client string) table.Ref {
	return table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: s.schema, Table: "orders"}
}

// acme is the client table of most tests.
func (s *suite) acme() table.Ref { return s.ref("acme") }

// named is acme's client table of another central table.
func (s *suite) named(name string) table.Ref {
	ref := s.acme()
	ref.Table = name
	return ref
}

// batch stages rows given as DuckDB's SQL (without the tenant's columns) as a batch of ref. Columns are "name type" pairs.
func (s *suite) batch(ref table.Ref, columns, rows string, set ...func(*table.Batch)) table.Batch {
	s.Helper()
	*s.next++
	b := table.Batch{ID: fmt.Sprintf("%s-%d", s.schema, *s.next), Ref: ref, Keys: []string{"id"}, Schema: tenantColumns(columns)}
	tenant := fmt.Sprintf("%s AS client_id, %s AS region", table.Literal(ref.Client), table.Literal(ref.Region))
	b.Files = s.stage(b.ID, fmt.Sprintf("SELECT *, %s FROM (%s)", tenant, rows))
	b.Rows = b.Files[0].Rows
	for _, change := range set {
		change(&b)
	}
	return b
}

// stage stages rows given as DuckDB's SQL as one file.
func (s *suite) stage(batchID, rows string) []table.File {
	s.Helper()
	path := filepath.Join(s.TempDir(), "rows.parquet")
	_, err := s.db.ExecContext(s.Context(), fmt.Sprintf("COPY (%s) TO %s (FORMAT parquet)", rows, table.Literal(path)))
	require.NoError(s, err, rows)
	file := table.File{Path: path}
	require.NoError(s, s.db.QueryRowContext(s.Context(), "SELECT count(*) FROM read_parquet(?)", path).Scan(&file.Rows))
	info, err := os.Stat(path)
	require.NoError(s, err)
	file.Bytes = info.Size()
	staged, err := s.lake.Stage(s.Context(), batchID, []table.File{file})
	require.NoError(s, err)
	require.Len(s, staged, 1)
	return staged
}

// kept stages ids given as SQL as rows that the batch's run kept apart.
func (s *suite) kept(rows string) func(*table.Batch) {
	s.Helper()
	return func(b *table.Batch) {
		s.Helper()
		b.Kept = append(b.Kept, s.stage(fmt.Sprintf("%s/kept-%d", b.ID, len(b.Kept)), rows)...)
	}
}

// columnsOf reads "id long; note string".
func columnsOf(text string) table.Schema {
	var columns table.Schema
	for part := range strings.SplitSeq(text, "; ") {
		i := strings.LastIndex(part, " ")
		columns = append(columns, table.Column{Name: part[:i], Type: table.Type(part[i+1:]), Nullable: true})
	}
	return columns
}

func tenantColumns(text string) table.Schema {
	return append(columnsOf(text), columnsOf("client_id string; region string")...)
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

// refuses says that a batch cannot be merged, and what the error says.
func (s *suite) refuses(want error, b table.Batch, says ...string) {
	s.Helper()
	_, err := s.lake.Merge(s.Context(), []table.Batch{b})
	require.ErrorIs(s, err, want)
	for _, text := range says {
		require.ErrorContains(s, err, text)
	}
}

// rows compares the result of a query with lines of values separated by spaces. Queries are SQL that every lake takes.
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
	all, err := s.query(at, query)
	require.NoError(s, err, query)
	return all
}

func (s *suite) query(at lake.At, query string) (all [][]any, err error) {
	s.Helper()
	rows, err := s.lake.Query(s.Context(), s.schema, query, at)
	if err != nil {
		require.Nil(s, rows, "rows beside an error")
		return nil, err
	}
	defer func() { require.NoError(s, rows.Close()) }()
	for row, ok := rows.Next(); ok; row, ok = rows.Next() {
		all = append(all, row)
	}
	return all, rows.Err()
}

func (s *suite) describe(name string) lake.Table {
	s.Helper()
	described, err := s.lake.Describe(s.Context(), s.schema, name)
	require.NoError(s, err)
	return described
}

// unchanged says that the tables have the same version after do, where a lake promises that.
func (s *suite) unchanged(do func(), names ...string) {
	s.Helper()
	versions := func() map[string]int64 {
		s.Helper()
		all := map[string]int64{}
		for _, name := range names {
			all[name] = s.describe(name).Version
		}
		return all
	}
	if s.ExtraVersions {
		do()
		return
	}
	before := versions()
	do()
	require.Equal(s, before, versions(), "nothing changed, so nothing is committed")
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
