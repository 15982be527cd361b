package mariadb

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// moving is a table of whose rows one after the other gets another key, at either end of the table, until the test ends.
func moving(t *testing.T, on *testserver.Server) *fixture {
	t.Helper()
	f := &fixture{T: t, database: on.Database(t, "source")}
	f.client = table.Client{ID: "acme", Region: "eu", Host: on.Host, Port: on.Port, Database: f.database, User: on.User}
	f.client.Limits.TableConnections = 4
	on.ExecIn(t, f.database, "create table t (id int primary key, v int not null) engine=innodb",
		"insert into t select seq, seq from seq_1_to_20000", "analyze table t")
	db := on.Open(t, f.database)
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			for i := 1; ctx.Err() == nil; i++ {
				// From the end to the beginning and back: what reads the beginning first and the end later loses it or gets it twice.
				from, to := 20000-i%1000*2-w, -(i%1000*2 + w)
				if i/1000%2 == 1 {
					from, to = to, from
				}
				_, _ = db.ExecContext(ctx, fmt.Sprintf("update t set id = %d where id = %d", to, from))
			}
		})
	}
	t.Cleanup(func() { cancel(); writers.Wait() })
	return f
}

// requireEachOnce requires the values 1 to 20,000, each once, in several chunks.
func (f *fixture) requireEachOnce(s *Source, spec table.Spec) {
	f.Helper()
	raw, chunks := f.extract(s, spec, f.TempDir())
	require.Greater(f, chunks, 5)
	var values []int
	for _, row := range f.rows(raw) {
		var v int
		_, err := fmt.Sscan(row[1], &v)
		require.NoError(f, err)
		values = append(values, v)
	}
	slices.Sort(values)
	require.Len(f, values, 20000)
	require.Len(f, slices.Compact(values), 20000)
}

// TestReloadsAreOfOneSnapshot moves rows while they are read.
func TestReloadsAreOfOneSnapshot(t *testing.T) {
	t.Run("OK with a binary log", func(t *testing.T) {
		logged := testserver.MariaDB(t, testserver.WithArgs("--log-bin", "--sync-binlog=0"))
		f := moving(t, logged)
		s, err := Open(f.client, logged.Password)
		require.NoError(t, err)
		defer s.Close()
		s.chunking = chunking{rows: 1000, bytes: 1 << 40, most: 512}
		e := sharing(t, s)
		yes, err := e.logged()
		require.NoError(t, err)
		require.True(t, yes)
		for range 5 {
			f.requireEachOnce(s, table.Spec{Name: "t"})
		}
	})
	t.Run("a binary log that leaves databases out proves nothing", func(t *testing.T) {
		filtered := testserver.MariaDB(t, testserver.WithArgs("--log-bin", "--sync-binlog=0", "--binlog-ignore-db=elsewhere"))
		client := table.Client{ID: "acme", Host: filtered.Host, Port: filtered.Port, Database: filtered.Database(t, "source"), User: filtered.User}
		s, err := Open(client, filtered.Password)
		require.NoError(t, err)
		defer s.Close()
		yes, err := sharing(t, s).logged()
		require.NoError(t, err)
		require.False(t, yes)
	})
	f := moving(t, server)
	t.Run("OK with a lock", func(t *testing.T) {
		s := f.inChunks(1000)
		e := sharing(t, s)
		yes, err := e.logged()
		require.NoError(t, err)
		require.False(t, yes)
		others := []*session{e.extra(t), e.extra(t)}
		require.Eventually(t, func() bool { // where a writer is slow, the lock is not to be had at once
			together, err := e.share(others)
			return assert.NoError(t, err) && together
		}, 2*time.Minute, time.Millisecond)
		sum := func(s *session) (n int64) {
			require.NoError(t, s.conn.QueryRowContext(t.Context(), "select sum(id * v) from t").Scan(&n))
			return n
		}
		require.Equal(t, []int64{sum(e.session), sum(e.session)}, []int64{sum(others[0]), sum(others[1])})
		for _, s := range others {
			s.end(false)
		}
		for range 5 {
			f.requireEachOnce(s, table.Spec{Name: "t"})
		}
	})
	t.Run("OK alone, where the user may not lock", func(t *testing.T) {
		reader := f.reader("select")
		s := reader.inChunks(1000)
		e := sharing(t, s)
		other := e.extra(t)
		together, err := e.share([]*session{other})
		require.NoError(t, err)
		require.False(t, together)
		other.end(false)
		reader.requireEachOnce(s, table.Spec{Name: "t"})
	})
	t.Run("OK alone, while somebody writes for long", func(t *testing.T) {
		blocker, err := server.Open(t, f.database).Begin()
		require.NoError(t, err)
		defer blocker.Rollback()
		_, err = blocker.Exec("update t set v = v where id = 500")
		require.NoError(t, err)
		f.requireEachOnce(f.inChunks(1000), table.Spec{Name: "t"})
	})
}

// sharing is an extraction with its first session.
func sharing(t *testing.T, s *Source) *extraction {
	t.Helper()
	e, err := s.extraction(ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: table.Plan{Columns: []table.SourceColumn{{Source: "id", Name: "id"}}}})
	require.NoError(t, err)
	e.ctx, e.stop = context.WithCancelCause(t.Context())
	e.session, err = s.open(e.ctx)
	require.NoError(t, err)
	t.Cleanup(func() { e.session.end(false) })
	return e
}

// extra is another session of the same extraction.
func (e *extraction) extra(t *testing.T) *session {
	t.Helper()
	assert.Nil(t, e.extraSession("another server"))
	for end := time.Now().Add(2 * time.Minute); ; {
		if s := e.extraSession(e.session.server); s != nil {
			return s
		}
		require.True(t, time.Now().Before(end), "the server has no connection")
	}
}

// reader is the fixture with a user of its own that has only these privileges on the database.
func (f *fixture) reader(privileges string, options ...string) *fixture {
	f.Helper()
	user := "u" + f.database[len(f.database)-8:]
	statements := []string{"create or replace user '" + user + "'@'%' identified by '" + server.Password + "'", "grant " + privileges + " on " + f.database + ".* to '" + user + "'@'%'"}
	f.exec(append(statements, options...)...)
	f.Cleanup(func() { f.exec("drop user '" + user + "'@'%'") })
	reader := *f
	reader.client.User = user
	return &reader
}
