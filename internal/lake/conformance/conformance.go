// Package conformance is the suite that every lake passes, whatever engine is behind it.
package conformance

import (
	"crypto/rand"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2" // writes the staged files
	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// Options say what a lake is like where lakes differ. The zero value is the local lake.
type Options struct {
	Quote   string // of identifiers in queries: table.DoubleQuote, the default, or table.Backtick
	Catalog string // that the schemas of the tests are in; "" when the lake has none
	// StagedIn is the folder of this machine in which paths of staged files begin; "" where they are whole.
	StagedIn string
	// Shared says that newLake returns one lake to several tests. The suite does not close it.
	Shared bool
	// Parallel runs the tests side by side.
	Parallel bool
	// Widens says that a column of an existing table takes a wider type.
	Widens bool
	// AnyName says that a column may have a space or one of ,;{}()= in its name.
	AnyName bool
	// PlainTables says that names of tables are letters, digits and _ only, and that their case is lost.
	PlainTables bool
	// ExtraVersions says that a merge that changes no row, or that fails, may leave a version or an empty table.
	ExtraVersions bool
	// ClusterBy says that the lake has liquid clustering.
	ClusterBy bool
	// ZOrder says that Optimize takes ZOrderBy.
	ZOrder bool
	// VacuumMin is the shortest retention that Vacuum takes.
	VacuumMin time.Duration
	// Executes says that the lake is a lake.Executor.
	Executes bool
	// Only names the tests that run; empty: all. It is for a lake that shares its code with another one, which runs all.
	Only []string
}

type conformanceTest struct {
	name  string
	run   func(*suite)
	alone bool // never beside another
}

// tests are the suite.
var tests = []conformanceTest{
	{name: "Sweep", run: testSweep, alone: true},
	{name: "Create", run: testCreate}, {name: "Comments", run: testComments}, {name: "Layout", run: testLayout},
	{name: "Tables", run: testTables}, {name: "Merge", run: testMerge}, {name: "Keys", run: testKeys}, {name: "Deletes", run: testDeletes},
	{name: "Cursors", run: testCursors},
	{name: "Reload", run: testReload}, {name: "Kept", run: testKept}, {name: "Reconcile", run: testReconcile}, {name: "Guard", run: testGuard},
	{name: "Moved", run: testMoved},
	{name: "Drift", run: testDrift},
	{name: "Widening", run: testWidening}, {name: "Batches", run: testBatches}, {name: "Types", run: testTypes},
	{name: "Names", run: testNames}, {name: "ManyColumns", run: testManyColumns}, {name: "Tenants", run: testTenants},
	{name: "ManyClients", run: testManyClients}, {name: "Partitions", run: testPartitions}, {name: "Concurrent", run: testConcurrent},
	{name: "Versions", run: testVersions}, {name: "TimeTravel", run: testTimeTravel}, {name: "SyncLog", run: testSyncLog}, {name: "Maintenance", run: testMaintenance},
	{name: "Query", run: testQuery}, {name: "Execute", run: testExecute},
}

// Run runs the suite. newLake returns the lake of each test, which works in a schema of its own. The suite closes the
// lake, unless it is shared.
func Run(t *testing.T, newLake func(t *testing.T) lake.Lake, options Options) {
	t.Helper()
	if options.Quote == "" {
		options.Quote = table.DoubleQuote
	}
	for _, name := range options.Only {
		require.True(t, slices.ContainsFunc(tests, func(test conformanceTest) bool { return test.name == name }), "the suite has no %s", name)
	}
	for _, test := range tests {
		if len(options.Only) > 0 && !slices.Contains(options.Only, test.name) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			if options.Parallel && !test.alone {
				t.Parallel()
			}
			l := newLake(t)
			if !options.Shared {
				t.Cleanup(func() { require.NoError(t, l.Close()) })
			}
			schema := newSchema(options.Catalog)
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("the tables are in schema %s", schema)
				}
			})
			test.run(&suite{T: t, Options: options, lake: l, db: openDuckDB(t), schema: schema, next: new(int)})
		})
	}
}

func openDuckDB(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { db.Close() })
	_, err = db.ExecContext(t.Context(), "SET TimeZone = 'UTC'")
	require.NoError(t, err)
	return db
}

// newSchema returns the name of a schema that nobody else has.
func newSchema(catalog string) string {
	name := "t_" + strings.ToLower(rand.Text()[:12])
	if catalog != "" {
		name = catalog + "." + name
	}
	return name
}
