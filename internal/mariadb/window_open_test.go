package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// connection is one of an application's, that stays open.
func (f *fixture) connection(statements ...string) *sql.Conn {
	f.Helper()
	conn, err := server.Open(f.T, f.database).Conn(f.Context())
	require.NoError(f, err)
	f.Cleanup(func() { _ = conn.Close() })
	f.on(conn, statements...)
	return conn
}

func (f *fixture) on(conn *sql.Conn, statements ...string) {
	f.Helper()
	for _, statement := range statements {
		_, err := conn.ExecContext(f.Context(), statement)
		require.NoError(f, err, statement)
	}
}

const timed = "create table t (id int primary key auto_increment, at datetime(6) null default (utc_timestamp(6)), key (at))"

// byTime has no overlap: the mark alone has to be right.
var byTime = table.Spec{Name: "t", Cursor: "at"}

// serverTime is the server's clock as a bound.
func (f *fixture) serverTime() (now string) {
	f.Helper()
	require.NoError(f, server.Open(f.T, f.database).QueryRow("select cast(utc_timestamp(6) as char)").Scan(&now))
	return now
}

// cursorOf is the cursor of the row with id 1 as a bound, which its own connection sees.
func (f *fixture) cursorOf(app *sql.Conn) (at string) {
	f.Helper()
	require.NoError(f, app.QueryRowContext(f.Context(), "select cast(at as char) from t where id = 1").Scan(&at))
	return at
}

// passes runs until the mark passes the time before the run. It need not at once: a connection that is being closed
// counts as one whose statement runs.
func (f *fixture) passes(watermark string) (raw table.Raw) {
	f.Helper()
	f.eventually(func() bool {
		lookouts.Clear()
		before := f.serverTime()
		raw, _ = f.run(byTime, watermark)
		return raw.Watermark > before
	})
	return raw
}

func TestOpenTransactionsHoldTheWatermarkBack(t *testing.T) {
	t.Run("OK rows that are committed after the run are read by the next", func(t *testing.T) {
		f := newFixture(t, timed)
		app := f.connection("begin", "insert into t (id) values (1)")
		f.exec("insert into t (id) values (2)")
		lookouts.Clear()
		raw, rows := f.run(byTime, "")
		assert.Equal(t, "2", column(rows, 0), "what is committed is not kept waiting")
		assert.Less(t, raw.Watermark, f.cursorOf(app))
		assert.Greater(t, raw.Window.High, f.cursorOf(app))
		f.on(app, "commit")
		raw, rows = f.run(byTime, raw.Watermark)
		assert.Equal(t, "1|2", column(rows, 0))
		assert.Empty(t, f.passes(raw.Watermark).Notes, "nothing holds it any more")
	})
	t.Run("OK those that write nothing do not", func(t *testing.T) {
		f := newFixture(t, timed)
		f.connection("start transaction read only", "select * from t")
		f.connection("start transaction with consistent snapshot", "select * from t")
		f.passes("")
	})
	t.Run("OK a statement that runs holds it, before its transaction shows", func(t *testing.T) {
		f := newFixture(t, timed)
		conn, holder := f.connection(), f.connection("do get_lock('"+f.database+"', 0)")
		before, done := f.serverTime(), make(chan error, 1)
		go func() {
			_, err := conn.ExecContext(context.Background(), "insert into t (id, at) select 1, utc_timestamp(6) from (select get_lock('"+f.database+"', 600)) s")
			done <- err
		}()
		db, running := server.Open(t, ""), 0
		require.Eventually(t, func() bool {
			err := db.QueryRow("select count(*) from information_schema.processlist where db = ? and info like 'insert into t%'", f.database).Scan(&running)
			return err == nil && running == 1
		}, 2*time.Minute, 10*time.Millisecond)
		lookouts.Clear()
		raw, rows := f.run(byTime, "")
		assert.Empty(t, rows)
		f.on(holder, "do release_lock('"+f.database+"')")
		require.NoError(t, <-done)
		_, rows = f.run(byTime, raw.Watermark)
		assert.Equal(t, "1", column(rows, 0))
		assert.Greater(t, raw.Window.High, before)
	})
	t.Run("OK a prepared transaction whose connection is gone leaves it where it was", func(t *testing.T) {
		f := newFixture(t, timed)
		conn, id := f.connection("xa start 'orphan'", "insert into t (id) values (1)", "xa end 'orphan'", "xa prepare 'orphan'"), 0
		require.NoError(t, conn.QueryRowContext(t.Context(), "select connection_id()").Scan(&id))
		f.exec(fmt.Sprintf("kill %d", id))
		defer f.exec("xa rollback 'orphan'")
		f.eventually(func() bool {
			lookouts.Clear()
			raw, _ := f.run(byTime, "")
			return raw.Watermark == "" && strings.Contains(strings.Join(raw.Notes, " "), "XA RECOVER")
		})
	})
	t.Run("OK an account that sees none goes by its clock", func(t *testing.T) {
		f := newFixture(t, timed)
		f.connection("begin", "insert into t (id) values (1)")
		f.limited("select")
		raw, _ := f.run(byTime, "")
		assert.Equal(t, raw.Window.High, raw.Watermark)
	})
}

// limited makes the client use an account with these privileges on its database, and global ones.
func (f *fixture) limited(privileges string, global ...string) {
	f.Helper()
	user := "limited_" + f.database[len(f.database)-8:]
	f.exec("create user '"+user+"'@'%' identified by '"+server.Password+"'", "grant "+privileges+" on "+f.database+".* to '"+user+"'@'%'")
	for _, privilege := range global {
		f.exec("grant " + privilege + " on *.* to '" + user + "'@'%'")
	}
	f.client.User = user
	f.Cleanup(func() { server.Exec(f.T, "drop user '"+user+"'@'%'") })
}

// TestTransactionsStartInTheServersOwnZone has a server far from UTC: it shows when a transaction started in its own
// zone, whatever the session's.
func TestTransactionsStartInTheServersOwnZone(t *testing.T) {
	t.Setenv("TZ", "Asia/Tokyo")
	tokyo := testserver.MariaDB(t, testserver.Private())
	name := tokyo.Database(t, "source")
	tokyo.ExecIn(t, name, timed)
	app, err := tokyo.Open(t, name).Begin()
	require.NoError(t, err)
	defer func() { _ = app.Rollback() }()
	var before string
	require.NoError(t, app.QueryRow("select cast(utc_timestamp(6) - interval 8 second as char)").Scan(&before))
	_, err = app.Exec("insert into t (id) values (1)")
	require.NoError(t, err)

	f := &fixture{T: t, database: name, client: table.Client{ID: "acme", Host: tokyo.Host, Port: tokyo.Port, Database: name, User: tokyo.User}}
	raw, _ := f.run(byTime, "")
	assert.Less(t, raw.Watermark, raw.Window.High)
	assert.Greater(t, raw.Watermark, before, "a few seconds before the start, and not hours")
}

func TestAReaderOfTheSameListDoesNotHideTransactions(t *testing.T) {
	f := newFixture(t, timed)
	conn, ctx := f.connection(), t.Context()
	reading, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan struct{})
	go func() { // faster than the list is ever filled anew
		defer close(ended)
		for reading.Err() == nil {
			var n int
			_ = conn.QueryRowContext(ctx, "select count(*) from information_schema.innodb_trx").Scan(&n)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	time.Sleep(200 * time.Millisecond)
	lookouts.Clear()
	app := f.connection("begin", "insert into t (id) values (1)")
	raw, _ := f.run(byTime, "")
	assert.Less(t, raw.Watermark, f.cursorOf(app), "it stays where it was, rather than pass a transaction by")
	stop()
	<-ended
}

func TestSettledIsTheEarliestOfWhatIsUnderWay(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		open  open
		want  time.Time // zero: the mark stays
		notes string
	}{
		"OK nothing":                 {open{allowed: true, clock: now}, now, ""},
		"OK an earlier look":         {open{allowed: true, clock: ago(time.Second)}, ago(time.Second), ""},
		"OK not seen":                {open{clock: ago(time.Hour)}, now, ""},
		"OK a transaction":           {open{allowed: true, clock: now, writers: []writer{{connection: 7, start: ago(10 * time.Second)}}}, ago(15 * time.Second), ""},
		"OK a statement before it":   {open{allowed: true, clock: now, writers: []writer{{start: ago(time.Second)}}, running: []activity{{start: ago(9 * time.Second)}}}, ago(9 * time.Second), ""},
		"OK the older of two":        {open{allowed: true, clock: now, writers: []writer{{start: ago(time.Hour), connection: 8}, {start: ago(time.Second)}}}, ago(time.Hour + 5*time.Second), "connection 8"},
		"OK prepared, without start": {open{allowed: true, clock: now, writers: []writer{{id: 5}, {start: ago(time.Second)}}}, time.Time{}, "XA RECOVER"},
		"OK only an old list":        {open{allowed: true, clock: now, blind: true}, time.Time{}, "INNODB_TRX"},
	} {
		t.Run(name, func(t *testing.T) {
			var notes []string
			at, ok := c.open.settled(now, func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) })
			assert.Equal(t, !c.want.IsZero(), ok)
			if ok {
				assert.Equal(t, c.want, at)
			}
			if c.notes == "" {
				assert.Empty(t, notes)
			} else {
				assert.Contains(t, strings.Join(notes, ""), c.notes)
			}
		})
	}
}

func TestWhatHoldsIdsForLongIsNoted(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for name, c := range map[string]struct {
		open open
		note string // "" is none
	}{
		"a statement":                      {open{clock: now, running: []activity{{connection: 7, user: "bi", start: ago(time.Hour)}}}, `a statement of connection 7 (user "bi"), which runs since 2026-01-02 11:00:00 UTC`},
		"a short one":                      {open{clock: now, running: []activity{{connection: 7, start: ago(5 * time.Second)}}}, ""},
		"one that began later":             {open{clock: now, running: []activity{{connection: 7, start: now}}}, ""},
		"a transaction":                    {open{clock: now, writers: []writer{{id: 1, connection: 8, start: ago(time.Hour)}}}, "a transaction of connection 8"},
		"a short one beside a statement":   {open{clock: now, writers: []writer{{id: 1, connection: 8, start: ago(time.Second)}}, running: []activity{{connection: 7, start: ago(time.Hour)}}}, "a statement of connection 7"},
		"a prepared transaction":           {open{clock: now, writers: []writer{{id: 1}}, running: []activity{{connection: 7, start: ago(time.Hour)}}}, "XA RECOVER"},
		"a list that shows nothing of now": {open{clock: now, blind: true}, "ten times a second"},
	} {
		t.Run(name, func(t *testing.T) {
			e := &extraction{}
			e.noteHeld(c.open, newHolders(c.open))
			if c.note == "" {
				require.Empty(t, e.notes)
				return
			}
			require.Len(t, e.notes, 1)
			require.Contains(t, e.notes[0], c.note)
		})
	}
}

func TestSightIsWhatTheAccountSees(t *testing.T) {
	f := newFixture(t)
	sight, err := f.open().Sight(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Sight{Transactions: true}, sight)
	f.limited("select")
	f.client.Replica = true
	sight, err = f.open().Sight(t.Context())
	require.NoError(t, err)
	assert.Equal(t, Sight{Replica: true}, sight)
	f.client.User = "nobody"
	_, err = f.open().Sight(t.Context())
	require.ErrorIs(t, err, ErrDenied)
}
