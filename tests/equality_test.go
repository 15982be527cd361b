package tests

import (
	"context"
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

// randomTable is a table that writers change at random. Its rows have an id, a version, a note, and what tells their change.
type randomTable struct {
	name, at string // at: the cursor's type
	now      string // what a writer sets the cursor to; %d is how many milliseconds its clock lags
	moves    bool   // whether ids change and rows are deleted for good
	appends  bool   // whether rows are only added
}

var randomTables = []randomTable{
	{name: "dt0", at: "datetime null", now: "utc_timestamp(6) - interval %d*1000 microsecond"},
	{name: "dt6", at: "datetime(6) null", now: "utc_timestamp(6) - interval %d*1000 microsecond", moves: true},
	{name: "ts3", at: "timestamp(3) null", now: "now(6) - interval %d*1000 microsecond"},
	{name: "tokyo", at: "datetime(3) null", now: "utc_timestamp(6) + interval 9 hour - interval %d*1000 microsecond"},
	{name: "days", at: "date null", now: "utc_date() - interval %d/1e6 day"},
	{name: "ids", appends: true},
	{name: "texts", at: "varchar(40) character set ascii collate ascii_bin null", now: "date_format(utc_timestamp(6), '%%Y%%m%%d%%H%%i%%s%%f')", appends: true},
	{name: "whole", moves: true},
}

func (r randomTable) create() string {
	at := ""
	if r.at != "" {
		at = ", at " + r.at + ", key (at)"
	}
	return fmt.Sprintf("create table %s (id bigint not null primary key auto_increment, version int not null, note varchar(60) null, gone tinyint(1) not null default 0%s)", r.name, at)
}

// columns are the table's columns as text, for the source and, with the same names, for the lake.
func (r randomTable) columns() string {
	columns := "id, version, note, gone"
	switch {
	case r.at == "":
		return columns
	case r.name == "tokyo":
		return columns + ", date_format(at - interval 9 hour, '%Y-%m-%d %H:%i:%s.%f')"
	case strings.HasPrefix(r.at, "date "), r.name == "texts":
		return columns + ", cast(at as char)"
	}
	return columns + ", date_format(at, '%Y-%m-%d %H:%i:%s.%f')"
}

// randomWriter changes the tables of one client at random, over one connection, until its time is up.
type randomWriter struct {
	*rand.Rand
	conn *sql.Conn
	slow bool // whether its transactions outlast syncs
	done func() bool
}

// run is one transaction after another. Those that deadlock, or wait for a lock for long, are rolled back.
func (w *randomWriter) run(ctx context.Context) error {
	if _, err := w.conn.ExecContext(ctx, "set time_zone = '+00:00', innodb_lock_wait_timeout = 1"); err != nil {
		return err
	}
	for !w.done() {
		if err := w.transaction(ctx); err != nil && !strings.Contains(err.Error(), "Deadlock") && !strings.Contains(err.Error(), "Lock wait timeout") {
			return err
		}
		time.Sleep(w.upTo(120 * time.Millisecond))
	}
	return nil
}

func (w *randomWriter) upTo(most time.Duration) time.Duration { return rand.N(most) }

func (w *randomWriter) oneIn(n int) bool { return w.IntN(n) == 0 }

// transaction is autocommitted, short, or, of a slow writer, open for longer than a sync and the overlap.
func (w *randomWriter) transaction(ctx context.Context) error {
	if !w.slow && w.oneIn(4) {
		return w.change(ctx, randomTables[w.IntN(len(randomTables))])
	}
	pause := 60 * time.Millisecond
	if w.slow {
		pause = 3 * time.Second
	}
	statements := []string{"begin"}
	for range 1 + w.IntN(5) {
		statements = append(statements, "")
	}
	statements = append(statements, []string{"commit", "commit", "commit", "rollback"}[w.IntN(4)])
	for _, statement := range statements {
		var err error
		if statement == "" {
			err = w.change(ctx, randomTables[w.IntN(len(randomTables))])
			time.Sleep(w.upTo(pause))
		} else {
			_, err = w.conn.ExecContext(ctx, statement)
		}
		if err != nil {
			_, _ = w.conn.ExecContext(ctx, "rollback")
			return err
		}
	}
	return nil
}

// change is one statement. A row's cursor never goes back, and is NULL now and then.
func (w *randomWriter) change(ctx context.Context, r randomTable) error {
	version, at := w.IntN(1e9), ""
	if r.at != "" {
		at = strings.ReplaceAll(r.now, "%d", strconv.Itoa(w.IntN(450)))
		at = strings.ReplaceAll(at, "%%", "%")
	}
	note := fmt.Sprintf("concat('ä😀 ', %d)", version)
	pick := fmt.Sprintf("where id > %d order by id limit %d", w.IntN(100), 1+w.IntN(3))
	if r.moves && w.oneIn(3) {
		pick = "where id < 0 order by version limit 2"
	}
	insert := fmt.Sprintf("insert into %s (version, note%s) select %d, %s%s from (select 1 as n union all select 2 union all select 3%s) s",
		r.name, map[bool]string{true: ", at"}[at != ""], version, note, map[bool]string{true: ", " + at}[at != ""], w.slowly())
	statement := insert
	set := fmt.Sprintf("version = %d, note = %s", version, note)
	switch {
	case r.appends || w.oneIn(4):
	case r.moves && w.oneIn(8):
		statement = "delete from " + r.name + " " + pick
	case r.moves && w.oneIn(6):
		statement = fmt.Sprintf("update %s set id = -abs(id) - %d, %s%s %s", r.name, w.Int64N(1e12), set, w.newer(at), pick)
	case at != "" && w.oneIn(8):
		statement = fmt.Sprintf("update %s set at = null, %s %s", r.name, set, pick)
	case !r.moves && w.oneIn(8):
		statement = fmt.Sprintf("update %s set gone = 1 - gone, note = null%s %s", r.name, w.newer(at), pick)
	default:
		statement = fmt.Sprintf("update %s set %s%s %s", r.name, set, w.newer(at), pick)
	}
	_, err := w.conn.ExecContext(ctx, statement)
	return err
}

// slowly has a statement take its NOW() seconds before it writes anything, now and then.
func (w *randomWriter) slowly() string {
	if w.oneIn(25) {
		return " union all select 4 + sleep(3)"
	}
	return ""
}

func (w *randomWriter) newer(at string) string {
	if at == "" {
		return ""
	}
	return ", at = greatest(coalesce(at, " + at + "), " + at + ")"
}

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
