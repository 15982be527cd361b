package sparksql

import (
	"context"
	"database/sql/driver"
	"io"
	"maps"
	"net/http"
	"net/url"
	"testing"

	dbsql "github.com/databricks/databricks-sql-go"
	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

// listed is a result of SET.
type listed struct {
	names, values []string
	closed        bool
}

func (l *listed) Columns() []string { return []string{"key", "value"} }
func (l *listed) Close() error      { l.closed = true; return nil }
func (l *listed) Next(values []driver.Value) error {
	if len(l.names) == 0 {
		return io.EOF
	}
	values[0], values[1] = l.names[0], l.values[0]
	l.names, l.values = l.names[1:], l.values[1:]
	return nil
}

// setConn is a session of a server with settings of its own.
type setConn struct {
	driverConn
	listed     *listed
	statements []string
}

func (c *setConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return c.listed, nil
}

func (c *setConn) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	c.statements = append(c.statements, text)
	return driver.RowsAffected(0), nil
}

func TestSessionsSetWhatTheServerDidNotTake(t *testing.T) {
	inner := &setConn{listed: &listed{}}
	left := map[string]string{"spark.sql.files.ignoreCorruptFiles": "true", "spark.sql.ansi.enabled": ""} // one that the server has otherwise, and one that it does not list
	for name, value := range sparkSettings {
		if other, ok := left[name]; ok && other == "" {
			continue
		} else if ok {
			value = other
		}
		inner.listed.names, inner.listed.values = append(inner.listed.names, name), append(inner.listed.values, value)
	}
	require.NoError(t, newSession(inner).prepare(t.Context(), sparkDialect))
	require.Equal(t, []string{"SET spark.sql.ansi.enabled=true", "SET spark.sql.files.ignoreCorruptFiles=false"}, inner.statements)
	require.True(t, inner.listed.closed)
}

// TestSparkTakesSettingsOnConnecting saves a statement for each of them with every session.
func TestSparkTakesSettingsOnConnecting(t *testing.T) {
	spark := testserver.Spark(t)
	u, err := url.Parse(spark.URL)
	require.NoError(t, err)
	connector, err := connect(u, u.Path, sparkDialect, dbsql.WithTransport(&sparkTransport{base: http.DefaultTransport, user: "u", password: "p"}))
	require.NoError(t, err)
	pollEvery(connector, sparkPoll)
	conn, err := connector.Connect(t.Context())
	require.NoError(t, err)
	s := newSession(conn.(driverConn))
	defer s.Close()
	has, err := s.settings(t.Context())
	require.NoError(t, err)
	maps.DeleteFunc(has, func(name, _ string) bool { _, ours := sparkSettings[name]; return !ours })
	require.Equal(t, sparkSettings, has)
}
