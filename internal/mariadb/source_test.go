package mariadb

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestPing(t *testing.T) {
	got, err := newFixture(t).open().Ping(t.Context())
	require.NoError(t, err)
	assert.Contains(t, got.Version, "MariaDB")
	assert.NotEmpty(t, got.TimeZone)
	assert.Equal(t, time.UTC, got.Clock.Location())
	assert.False(t, got.Clock.IsZero())
}

func TestSessionsAreTheSameWhateverTheServersDefaults(t *testing.T) {
	f := newFixture(t)
	var zone, charset, mode string
	var limit uint64
	err := f.open().db.QueryRow("select @@time_zone, @@character_set_results, @@sql_mode, @@sql_select_limit").Scan(&zone, &charset, &mode, &limit)
	require.NoError(t, err)
	assert.Equal(t, "+00:00", zone)
	assert.Equal(t, "utf8mb4", charset)
	assert.NotContains(t, mode, "PAD_CHAR_TO_FULL_LENGTH")
	assert.EqualValues(t, 9223372036854775807, limit)
}

func TestDeniedAndMissingServers(t *testing.T) {
	const secret = "s3cret-that-must-not-show"
	spec := table.Spec{Name: "t"}
	t.Run("Err wrong password", func(t *testing.T) {
		f := newFixture(t)
		s, err := Open(f.client, secret)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Plan(t.Context(), []table.Spec{spec})
		require.ErrorIs(t, err, ErrDenied)
		assert.ErrorContains(t, err, `client "acme"`)
		assert.NotContains(t, err.Error(), secret)
		_, err = s.Ping(t.Context())
		assert.ErrorIs(t, err, ErrDenied)
	})
	t.Run("Err no such database", func(t *testing.T) {
		f := newFixture(t)
		f.client.Database = "nowhere"
		_, err := f.open().Plan(t.Context(), []table.Spec{spec})
		require.ErrorIs(t, err, ErrMissing)
		assert.ErrorContains(t, err, "nowhere")
	})
	t.Run("Err no grant on the table", func(t *testing.T) {
		f := newFixture(t, "create table t (id int primary key)")
		user := f.database
		f.exec("create user `"+user+"` identified by '"+secret+"'", "grant insert on `"+f.database+"`.* to `"+user+"`")
		t.Cleanup(func() { server.Exec(t, "drop user `"+user+"`") })
		plan := f.plan(f.open(), spec)
		f.client.User = user
		s, err := Open(f.client, secret)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: t.TempDir()})
		require.ErrorIs(t, err, ErrDenied)
		assert.ErrorContains(t, err, "SELECT")
		assert.NotContains(t, err.Error(), secret)
	})
	t.Run("Err unreachable is worth a retry", func(t *testing.T) {
		const port = 1 // nobody listens there, nor begins to, as on a port that was free a moment ago
		s, err := Open(table.Client{ID: "acme", Host: "127.0.0.1", Port: port, User: "u", Database: "d"}, secret)
		require.NoError(t, err)
		defer s.Close()
		_, err = s.Ping(t.Context())
		require.Error(t, err)
		for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue} {
			assert.NotErrorIs(t, err, permanent)
		}
		assert.ErrorContains(t, err, `client "acme"`)
		assert.NotContains(t, err.Error(), secret)
	})
}

func TestOpenRefusesTLSThatItDoesNotKnow(t *testing.T) {
	_, err := Open(table.Client{ID: "acme", TLS: "maybe"}, "")
	require.ErrorIs(t, err, ErrUnsupported)

	_, err = Open(table.Client{ID: "acme", TLS: "verify", CA: filepath.Join(t.TempDir(), "none.pem")}, "")
	require.ErrorIs(t, err, os.ErrNotExist)

	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, []byte("no pem"), 0o600))
	_, err = Open(table.Client{ID: "acme", TLS: "verify", CA: path}, "")
	require.ErrorIs(t, err, ErrUnsupported)
}

func TestTLSIsNeverDroppedWhenRequired(t *testing.T) {
	f := newFixture(t)
	var has string
	require.NoError(t, f.open().db.QueryRow("select @@have_ssl").Scan(&has))
	require.Equal(t, "DISABLED", has, "the test's server has no TLS")
	f.client.TLS = "required"
	_, err := f.open().Ping(t.Context())
	require.ErrorContains(t, err, "TLS")
	f.client.TLS = "preferred"
	_, err = f.open().Ping(t.Context())
	require.NoError(t, err)
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0") // nobody accepts: the kernel does
	require.NoError(t, err)
	defer listener.Close()
	s, err := Open(table.Client{ID: "acme", Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, User: "u", Database: "d"}, "")
	require.NoError(t, err)
	require.Equal(t, connectTimeout, s.connector.timeout)
	s.connector.timeout = 50 * time.Millisecond
	_, err = s.connector.Connect(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "does not answer within 50ms")
	require.NoError(t, s.Close())
}
