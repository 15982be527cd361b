package mariadb

import (
	"fmt"
	"testing"
	"time"

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
	t.Run("a query is ended on its own server only", func(t *testing.T) {
		f := newFixture(t)
		s := f.open()
		session, err := s.open(t.Context())
		require.NoError(t, err)
		defer session.end(false)
		ended := make(chan error, 1)
		go func() {
			_, err := session.conn.ExecContext(t.Context(), "do sleep(60)")
			ended <- err
		}()
		db := server.Open(t, f.database)
		runs := func() bool {
			var n int
			require.NoError(t, db.QueryRow("select count(*) from information_schema.processlist where id = ? and info = 'do sleep(60)'", session.id).Scan(&n))
			return n == 1
		}
		require.Eventually(t, runs, 10*time.Second, 10*time.Millisecond)
		f.exec(killSQL(session.id, "another"))
		for range 20 {
			require.True(t, runs())
		}
		f.exec(killSQL(session.id, session.server))
		<-ended
	})
}
