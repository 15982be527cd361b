package local

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestConnectionsChangeNoSettingsOfTheDatabase guards queries that are planned while others connect: DuckDB reads such settings without a lock, and
// one that changed under it ended the worker with SIGSEGV.
func TestConnectionsChangeNoSettingsOfTheDatabase(t *testing.T) {
	l, err := Open(t.Context(), Options{Dir: t.TempDir(), Threads: 1})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	first, err := l.db.Conn(t.Context())
	require.NoError(t, err)
	defer first.Close()
	require.Equal(t, "join_order,build_side_probe_side", setting(t, first, "disabled_optimizers"))

	for name, value := range map[string]string{"memory_limit": "'300.0 MiB'", "threads": "2", "preserve_insertion_order": "true", "disabled_optimizers": "'top_n'"} {
		_, err := first.ExecContext(t.Context(), "SET GLOBAL "+name+" = "+value)
		require.NoError(t, err)
	}
	_, err = first.ExecContext(t.Context(), "SET SESSION TimeZone = 'Asia/Tokyo'")
	require.NoError(t, err)
	second, err := l.db.Conn(context.Background())
	require.NoError(t, err)
	defer second.Close()
	for name, want := range map[string]string{"memory_limit": "300.0 MiB", "threads": "2", "preserve_insertion_order": "true", "disabled_optimizers": "top_n"} {
		require.Equal(t, want, setting(t, second, name), name)
	}
	require.Equal(t, "UTC", setting(t, second, "TimeZone"), "which is each connection's own")
	require.Equal(t, "Asia/Tokyo", setting(t, first, "TimeZone"))
}

func setting(t *testing.T, conn *sql.Conn, name string) (value string) {
	t.Helper()
	require.NoError(t, conn.QueryRowContext(t.Context(), "SELECT current_setting('"+name+"')::VARCHAR").Scan(&value))
	return value
}
