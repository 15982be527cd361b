package tests

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// holdUp is a where that all rows pass, but whose reader waits at the row with that id while a test holds the client up.
func holdUp(id int) string {
	return fmt.Sprintf(`"id <> %d or get_lock(database(), 3600) + release_lock(database()) >= 0"`, id)
}

// holdUp has who reads the row of the where above wait, until the test lets go.
func (c tenant) holdUp(t *testing.T) (letGo func()) {
	t.Helper()
	conn, err := c.server.Open(t, c.Database).Conn(t.Context())
	require.NoError(t, err)
	var got sql.NullInt64
	require.NoError(t, conn.QueryRowContext(t.Context(), "select get_lock(database(), 60)").Scan(&got))
	require.EqualValues(t, 1, got.Int64)
	return func() {
		t.Helper()
		_, err := conn.ExecContext(context.Background(), "do release_lock(database())")
		require.NoError(t, err)
	}
}

// awaitHeldUp waits until somebody is held up.
func (c tenant) awaitHeldUp(t *testing.T) {
	t.Helper()
	db := c.server.Open(t, "")
	require.Eventually(t, func() bool {
		var n int
		err := db.QueryRowContext(t.Context(), "select count(*) from information_schema.processlist where state = 'User lock' and db = ?", c.Database).Scan(&n)
		return err == nil && n > 0
	}, 5*time.Minute, 10*time.Millisecond, "nobody reads the row at which readers are held up")
}
