package mariadb

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestIdsAreSettledBeforeTheWatermarkPassesThem(t *testing.T) {
	create := "create table t (id int primary key auto_increment, v int)"
	spec := table.Spec{Name: "t", Cursor: "id"}
	t.Run("OK it waits for a transaction that ends soon", func(t *testing.T) {
		f := newFixture(t, create)
		app := f.connection("begin", "insert into t values (null, 1)")
		f.exec("insert into t values (null, 2)")
		began := time.Now()
		go func() {
			awaitLook(began)
			_, _ = app.ExecContext(context.Background(), "commit")
		}()
		raw, rows := f.runPatiently(spec, "1")
		assert.Equal(t, "1|2", column(rows, 0), "the run read what was committed while it waited")
		assert.Equal(t, "3", raw.Watermark)
	})
	t.Run("OK it stays while one is open for long", func(t *testing.T) {
		f := newFixture(t, create)
		app := f.connection("begin", "insert into t values (null, 1)")
		f.exec("insert into t values (null, 2)")
		raw, rows := f.run(spec, "1")
		assert.Equal(t, "2", column(rows, 0))
		assert.Empty(t, raw.Watermark)
		assert.Empty(t, raw.Notes, "that is of no interest before a minute")
		f.on(app, "commit")
		raw, rows = f.runPatiently(spec, "1")
		assert.Equal(t, "1|2", column(rows, 0))
		assert.Equal(t, "3", raw.Watermark)
	})
}

// runPatiently is a run that waits for minutes, rather than a second, for others to end that do not end at once.
func (f *fixture) runPatiently(spec table.Spec, watermark string) (table.Raw, [][]string) {
	f.Helper()
	s := f.open()
	s.settle = 2 * time.Minute
	raw, err := f.tryWith(s, spec, watermark, "", "")
	require.NoError(f, err)
	return raw, f.rows(raw)
}

// awaitLook waits until a run has seen what is under way.
func awaitLook(since time.Time) {
	looked := false
	for !looked {
		time.Sleep(5 * time.Millisecond)
		lookouts.Range(func(_, entry any) bool {
			l := entry.(*lookout)
			l.turn <- struct{}{}
			looked = looked || l.last.began.After(since)
			<-l.turn
			return true
		})
	}
}

// TestIdsOfAStatementAreHeldByItsTransaction has a statement that has its id when the run begins, writes while the run waits, and is committed after it.
func TestIdsOfAStatementAreHeldByItsTransaction(t *testing.T) {
	f := newFixture(t, "create sequence s", "create table t (id int primary key, v int)")
	gate, app := f.connection("do get_lock('gate', 0)"), f.connection("set autocommit = 0")
	written := make(chan error, 1)
	go func() {
		_, err := app.ExecContext(context.Background(), "insert into t values (nextval(s), get_lock('gate', 600))")
		written <- err
	}()
	db := server.Open(t, f.database)
	require.Eventually(t, func() bool {
		var n int
		require.NoError(t, db.QueryRow("select count(*) from information_schema.processlist where state = 'User lock' and db = database()").Scan(&n))
		return n == 1
	}, 2*time.Minute, 10*time.Millisecond)
	f.exec("insert into t values (nextval(s), 2)")
	began := time.Now()
	go func() {
		awaitLook(began)
		_, _ = gate.ExecContext(context.Background(), "do release_lock('gate')")
	}()
	spec := table.Spec{Name: "t", Cursor: "id"}
	raw, rows := f.run(spec, "1")
	require.NoError(t, <-written)
	f.on(app, "commit")
	require.Equal(t, "2", column(rows, 0))
	require.Empty(t, raw.Watermark, "1 is still to come")
}

func TestIdsOfAStatementAreHeldByWhatItPrepared(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	held := newHolders(open{clock: now, running: []activity{{connection: 7, start: now.Add(-time.Second)}}})
	held.update(open{writers: []writer{{id: 5}, {id: 6, connection: 8}}}) // XA PREPARE, and gone
	require.Equal(t, []writer{{id: 5}}, held.writers)
	held.update(open{writers: []writer{{id: 9}}}) // committed; the other one began later
	require.True(t, held.none())
}
