package mariadb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/stretchr/testify/require"

	"tributary/internal/arrowfile"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

// server is the real MariaDB that every test of this package shares; each test has its own database.
var server *testserver.Server

func TestMain(m *testing.M) {
	arrowfile.Scrub.Store(true) // who reads a batch that was released reads nonsense
	var err error
	if server, err = testserver.StartMariaDB(); err != nil {
		fmt.Fprintf(os.Stderr, "these tests need a MariaDB server (Debian package mariadb-server): %v\n", err)
		os.Exit(1)
	}
	status := m.Run()
	if err := server.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

// fixture is a database of a test's own and a client that reads it.
type fixture struct {
	*testing.T
	database string
	client   table.Client
}

func newFixture(t *testing.T, statements ...string) *fixture {
	t.Helper()
	f := &fixture{T: t, database: server.Database(t, "source")}
	f.client = table.Client{
		ID: "acme", Region: "eu", Host: server.Host, Port: server.Port, Database: f.database, User: server.User,
	}
	f.exec(statements...)
	return f
}

func (f *fixture) exec(statements ...string) {
	f.Helper()
	server.ExecIn(f.T, f.database, statements...)
}

func (f *fixture) open() *Source {
	f.Helper()
	s, err := Open(f.client, server.Password)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, s.Close()) })
	return s
}

// plan plans one table that must be plannable.
func (f *fixture) plan(s *Source, spec table.Spec) table.Plan {
	f.Helper()
	planned, err := s.Plan(f.Context(), []table.Spec{spec})
	require.NoError(f, err)
	require.Len(f, planned, 1)
	require.NoError(f, planned[0].Err)
	return planned[0].Plan
}

func (f *fixture) planError(spec table.Spec) error {
	f.Helper()
	planned, err := f.open().Plan(f.Context(), []table.Spec{spec})
	require.NoError(f, err)
	require.Len(f, planned, 1)
	return planned[0].Err
}

// run plans and extracts from a watermark on, and returns the raw files' rows too.
func (f *fixture) run(spec table.Spec, watermark string) (table.Raw, [][]string) {
	f.Helper()
	raw, err := f.try(spec, watermark, "", "")
	require.NoError(f, err)
	return raw, f.rows(raw)
}

func (f *fixture) try(spec table.Spec, watermark, from, to string) (table.Raw, error) {
	f.Helper()
	return f.tryWith(f.open(), spec, watermark, from, to)
}

func (f *fixture) tryWith(s *Source, spec table.Spec, watermark, from, to string) (table.Raw, error) {
	f.Helper()
	plan := f.plan(s, spec)
	plan.Watermark = watermark
	return s.Extract(f.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: f.TempDir(), From: from, To: to})
}

// eventually asks until it is so, in the test's own goroutine: what is asked may fail the test.
func (f *fixture) eventually(so func() bool) {
	f.Helper()
	for end := time.Now().Add(2 * time.Minute); !so(); time.Sleep(20 * time.Millisecond) {
		require.True(f, time.Now().Before(end), "it is not so for minutes")
	}
}

// rows reads the raw files back as text, sorted; NULL is "(null)".
func (f *fixture) rows(raw table.Raw) [][]string {
	f.Helper()
	rows := [][]string{}
	for _, path := range raw.Files {
		f.batches(path, func(batch arrow.RecordBatch) {
			for i := range int(batch.NumRows()) {
				row := make([]string, batch.NumCols())
				for j, column := range batch.Columns() {
					row[j] = column.ValueStr(i)
				}
				rows = append(rows, row)
			}
		})
	}
	require.Len(f, rows, int(raw.Rows))
	slices.SortFunc(rows, slices.Compare)
	return rows
}

func (f *fixture) batches(path string, each func(arrow.RecordBatch)) {
	f.Helper()
	file, err := os.Open(path)
	require.NoError(f, err)
	defer file.Close()
	reader, err := ipc.NewReader(file)
	require.NoError(f, err)
	defer reader.Release()
	for reader.Next() {
		each(reader.RecordBatch())
	}
	require.NoError(f, reader.Err())
}

// column is the values of one column, in the order of rows, joined by bars.
func column(rows [][]string, i int) string {
	values := make([]string, len(rows))
	for j, row := range rows {
		values[j] = row[i]
	}
	return strings.Join(values, "|")
}

// leftovers are the files in a scratch folder.
func leftovers(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	require.NoError(t, err)
	return paths
}
