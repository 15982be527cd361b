package mariadb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// anotherServer has the server answer as another one would, until the test ends.
func (f *fixture) anotherServer() {
	f.Helper()
	var id int
	db := server.Open(f.T, f.database)
	require.NoError(f, db.QueryRow("select @@global.server_id").Scan(&id))
	f.exec("set global server_id = 4711")
	f.Cleanup(func() { f.exec(fmt.Sprintf("set global server_id = %d", id)) })
}

// connects is a driver.Connector.
type connects func(ctx context.Context) (driver.Conn, error)

func (c connects) Connect(ctx context.Context) (driver.Conn, error) { return c(ctx) }

func (connects) Driver() driver.Driver { return nil }

// TestWhatBelongsTogetherIsReadFromOneServer has another server answer at the same address. It may be behind the first.
func TestWhatBelongsTogetherIsReadFromOneServer(t *testing.T) {
	const rows = "create table t (id int primary key, n int not null); insert into t values (1, 1), (2, 2)"
	t.Run("keys", func(t *testing.T) {
		f := newFixture(t, rows)
		s, spec := f.open(), table.Spec{Name: "t", Cursor: "n"}
		plan := f.plan(s, spec)
		raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir()})
		require.NoError(t, err)
		require.NotEmpty(t, raw.Server)
		keys := func() (table.Raw, error) {
			return s.ExtractKeys(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir(), Server: raw.Server})
		}
		of, err := keys()
		require.NoError(t, err)
		require.EqualValues(t, 2, of.Rows)
		f.anotherServer()
		_, err = keys()
		require.ErrorIs(t, err, errOtherServer)
		require.ErrorContains(t, err, raw.Server)
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit} {
			require.NotErrorIs(t, err, permanent)
		}
	})
	t.Run("snapshots and marks", func(t *testing.T) { // of a connection whose statements go here and there
		f := newFixture(t, rows)
		s, spec := f.open(), table.Spec{Name: "t", Cursor: "n"}
		e, err := s.extraction(ExtractRequest{Spec: spec, Plan: f.plan(s, spec)})
		require.NoError(t, err)
		e.session, err = s.open(t.Context())
		require.NoError(t, err)
		defer func() { e.session.end(true) }()
		var within bool
		require.NoError(t, e.session.conn.QueryRowContext(t.Context(), "select @@in_transaction").Scan(&within))
		require.True(t, within, "a proxy may send what is asked outside of a transaction to another server")
		f.anotherServer()
		require.ErrorIs(t, e.session.begin(), errOtherServer)
		_, err = e.integerHigh(t.Context())
		require.ErrorIs(t, err, errOtherServer)
	})
	t.Run("writers are kept off on the server that is read only", func(t *testing.T) {
		f := newFixture(t, rows)
		e := sharing(t, f.open())
		var id int
		require.NoError(t, server.Open(t, f.database).QueryRow("select @@global.server_id").Scan(&id))
		ran := 0
		lock := func() bool {
			locked, err := e.locked(func() error { ran++; return nil })
			require.NoError(t, err)
			return locked
		}
		f.eventually(lock)
		require.Equal(t, 1, ran)
		connect, tries := e.source.connector.Connector, 0
		e.source.connector.Connector = connects(func(ctx context.Context) (driver.Conn, error) {
			if tries++; tries == 1 {
				f.exec("set global server_id = 4711")
			} else {
				f.exec(fmt.Sprintf("set global server_id = %d", id))
			}
			return connect.Connect(ctx)
		})
		f.eventually(lock)
		require.Equal(t, 2, ran)
		require.Greater(t, tries, 1, "the first one was another server's")
		e.source.connector.Connector = connect
		f.anotherServer()
		require.False(t, lock())
		require.Equal(t, 2, ran)
	})
	t.Run("OK alone, where another connection's transactions are of another one", func(t *testing.T) {
		e := sharing(t, newFixture(t, rows).open())
		other := e.extra(t)
		other.server = "another"
		together, err := e.share([]*session{other})
		require.NoError(t, err)
		require.False(t, together)
		require.True(t, e.session.begun)
		other.end(true)
	})
	t.Run("a query is ended on its own server only", func(t *testing.T) {
		f := newFixture(t)
		s := f.open()
		session, err := s.open(t.Context())
		require.NoError(t, err)
		defer session.end(false)
		ended := make(chan error, 1)
		go func() {
			_, err := session.conn.ExecContext(t.Context(), "do sleep(600)")
			ended <- err
		}()
		db := server.Open(t, f.database)
		runs := func() bool {
			var n int
			require.NoError(t, db.QueryRow("select count(*) from information_schema.processlist where id = ? and info = 'do sleep(600)'", session.id).Scan(&n))
			return n == 1
		}
		f.eventually(runs)
		f.exec(killSQL(session.id, "another"))
		for range 20 {
			require.True(t, runs())
		}
		f.exec(killSQL(session.id, session.server))
		f.eventually(func() bool { return !runs() })
		<-ended
	})
}

// TestARetryGoesOnAtTheServerOfItsChunks has another server answer first.
func TestARetryGoesOnAtTheServerOfItsChunks(t *testing.T) {
	f := newFixture(t)
	s := f.open()
	first, err := s.open(t.Context())
	require.NoError(t, err)
	first.end(true)
	req := ExtractRequest{Dir: t.TempDir()}
	work := &progressed{dir: req.Dir, keep: true, m: manifest{Raw: table.Raw{Server: first.server}, Chunks: []chunk{{Done: true}}}}
	require.NoError(t, work.write())
	var id int
	db := server.Open(t, "")
	require.NoError(t, db.QueryRow("select @@global.server_id").Scan(&id))
	f.anotherServer()
	other, err := s.open(t.Context())
	require.NoError(t, err)
	require.NotEqual(t, first.server, other.server)
	connects, whole := 0, s.db
	s.db = sql.OpenDB(connecting{s.connector, func() {
		if connects++; connects == 4 {
			f.exec(fmt.Sprintf("set global server_id = %d", id))
		}
	}})
	again, err := s.openAgain(t.Context(), req)
	require.NoError(t, err)
	require.Equal(t, 4, connects)
	require.Equal(t, first.server, again.server)
	again.end(true)
	other.end(true)
	require.NoError(t, whole.Close())
}

// connecting tells of each connection before it is made.
type connecting struct {
	driver.Connector
	before func()
}

func (c connecting) Connect(ctx context.Context) (driver.Conn, error) {
	c.before()
	return c.Connector.Connect(ctx)
}

// refusing has the server's KILL QUERY end the first query of each connection.
type refusing struct{ driver.Connector }

type refusingConn struct {
	sessionConn
	queried bool
}

type sessionConn interface {
	driver.Conn
	driver.ExecerContext
	driver.QueryerContext
	driver.SessionResetter
	driver.Validator
}

func (r refusing) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &refusingConn{sessionConn: conn.(sessionConn)}, nil
}

func (c *refusingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if !c.queried {
		c.queried = true
		return nil, &mysql.MySQLError{Number: 1317, Message: "Query execution was interrupted"}
	}
	return c.sessionConn.QueryContext(ctx, query, args)
}

// TestNoTransactionIsLeftInThePool has a session fail after it began its transaction: the catalog must not be read in it.
func TestNoTransactionIsLeftInThePool(t *testing.T) {
	s := newFixture(t).open()
	whole := s.db
	s.db = sql.OpenDB(refusing{s.connector})
	require.NoError(t, whole.Close())
	_, err := s.open(t.Context())
	require.EqualValues(t, 1317, code(err))
	require.Zero(t, s.db.Stats().OpenConnections)
}
