package tests

import (
	"database/sql"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"tributary/internal/lake"
)

// Variables that change the randomised test: how long it writes, and from which seed.
const (
	equalityTimeVariable = "TRIBUTARY_TEST_EQUALITY_TIME" // a duration; default 15s
	equalitySeedVariable = "TRIBUTARY_TEST_EQUALITY_SEED" // default: another one each time
)

// equalitySync has short overlaps: transactions here are open for longer, and only clocks of applications lag less.
const equalitySync = `
target: {{.Target}}
parallel: {clients: 4, tables_per_client: 8}
tables:
  - {name: dt0, cursor: at, overlap: 500ms, deletes: {column: gone}}
  - {name: dt6, cursor: at, overlap: 500ms, deletes: {reconcile: true, max_share: 1}}
  - {name: ts3, cursor: at, overlap: 500ms, deletes: {column: gone}}
  - {name: tokyo, cursor: at, overlap: 500ms, datetime_zone: Asia/Tokyo, deletes: {column: gone}}
  - {name: days, cursor: at, deletes: {column: gone}}
  - {name: ids, cursor: id, overlap: 0}
  - {name: texts, cursor: at, overlap: 100}
  - {name: whole}
`

// TestRandomChangesEndInEquality has writers insert, change and delete rows of every kind of cursor, in transactions that
// are short, outlast syncs, or are rolled back, while one sync follows another. When all is quiet, source and lake are equal.
func TestRandomChangesEndInEquality(t *testing.T) {
	seed, lasts := equalitySettings(t)
	t.Logf("%s=%d repeats this run's choices", equalitySeedVariable, seed)
	s := newStackOn(t, localLake(t), regions[:1], equalitySync)
	for _, c := range s.clients {
		for _, r := range randomTables {
			c.server.ExecIn(t, c.Database, r.create(), fmt.Sprintf("insert into %s (version) select 0 from seq_1_to_100", r.name))
		}
	}
	s.startWorker(t)
	l := s.lake(t)
	defer s.tellRuns(t, l, seed)
	end := time.Now().Add(lasts)
	var writers errgroup.Group
	for i, c := range s.clients {
		for j := range 3 {
			conn, err := c.server.Open(t, c.Database).Conn(t.Context())
			require.NoError(t, err)
			w := randomWriter{Rand: rand.New(rand.NewPCG(seed, uint64(10*i+j))), conn: conn, slow: j == 0, done: func() bool { return time.Now().After(end) }}
			writers.Go(func() error { return w.run(t.Context()) })
		}
	}
	syncs := 0
	for ; time.Now().Before(end); syncs++ {
		s.sync(t)
	}
	require.NoError(t, writers.Wait())
	time.Sleep(1100 * time.Millisecond) // a window over whole seconds ends before the present one
	s.sync(t)
	t.Logf("%d syncs while writing", syncs)
	for _, c := range s.clients {
		for _, r := range randomTables {
			s.requireSameRows(t, l, c, r)
		}
	}
}

// tellRuns writes the seed and every run into the log of a test that failed, with what each said.
func (s *stack) tellRuns(t *testing.T, l lake.Lake, seed uint64) {
	t.Helper()
	if !t.Failed() {
		return
	}
	t.Logf("%s=%d repeats the writers' choices; runs, as: started, client, table, status, low, high, watermark, read, inserted, updated, deleted, error, notes", equalitySeedVariable, seed)
	for _, run := range s.query(t, l, "select started_at, client_id, table_name, status, window_low, window_high, watermark, rows_read, "+
		"rows_inserted, rows_updated, rows_deleted, error, notes from sync_runs order by started_at, client_id, table_name") {
		t.Log(run)
	}
}

func equalitySettings(t *testing.T) (seed uint64, lasts time.Duration) {
	t.Helper()
	seed, lasts = rand.Uint64(), 15*time.Second
	var err error
	if text := os.Getenv(equalitySeedVariable); text != "" {
		seed, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, equalitySeedVariable)
	}
	if text := os.Getenv(equalityTimeVariable); text != "" {
		lasts, err = time.ParseDuration(text)
		require.NoError(t, err, equalityTimeVariable)
	}
	return seed, lasts
}

// requireSameRows compares a client's table with its part of the central one, row by row and value by value.
func (s *stack) requireSameRows(t *testing.T, l lake.Lake, c tenant, r randomTable) {
	t.Helper()
	where := "where gone = 0"
	if r.moves || r.appends {
		where = ""
	}
	source := map[string]string{}
	rows, err := c.server.Open(t, c.Database).Query("select " + r.columns() + " from " + r.name + " " + where)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		require.NoError(t, rows.Scan(targets...))
		source[values[0].String] = joined(values)
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, source, r.name)

	central := map[string]string{}
	at := map[bool]string{true: `, "at"`}[r.at != ""]
	lines := s.query(t, l, fmt.Sprintf("select id, version, note, gone%s from %s where client_id = '%s'", at, r.name, c.ID))
	for _, line := range lines {
		id, _, _ := strings.Cut(line, "|")
		central[id] = line
	}
	var differ []string
	for _, id := range slices.Sorted(maps.Keys(source)) {
		if source[id] != central[id] {
			differ = append(differ, fmt.Sprintf("source %q, lake %q", source[id], central[id]))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(central)) {
		if _, ok := source[id]; !ok {
			differ = append(differ, fmt.Sprintf("only in the lake: %q", central[id]))
		}
	}
	require.Len(t, lines, len(central), "rows are doubled in %s", r.name)
	require.Empty(t, differ[:min(len(differ), 20)], "%s of %s differs in %d of %d rows", r.name, c.ID, len(differ), len(source))
}

func joined(values []sql.NullString) string {
	cells := make([]string, len(values))
	for i, v := range values {
		if cells[i] = v.String; !v.Valid {
			cells[i] = "NULL"
		}
	}
	return strings.Join(cells, "|")
}
