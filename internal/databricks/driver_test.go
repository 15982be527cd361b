package databricks

import (
	"context"
	"database/sql"
	"net/http"
	"testing"

	dbsql "github.com/databricks/databricks-sql-go"
	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
	fake "tributary/internal/testserver/workspace"
)

func TestDriverSignsInWithTokensThatExpire(t *testing.T) {
	spark := testserver.Spark(t)
	w := fake.Start(t, fake.Options{SparkURL: spark.URL, Dir: spark.Dir, TokenLife: shortLife})
	opened := open(t, w)
	host, port := w.HostPort()
	connector, err := dbsql.NewConnector(dbsql.WithServerHostname(host), dbsql.WithPort(port),
		dbsql.WithHTTPPath(w.HTTPPath(fake.DefaultWarehouse)), dbsql.WithAuthenticator(opened))
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	defer db.Close()
	db.SetMaxOpenConns(1) // one session, over several tokens
	before := w.Count(http.MethodPost, "/oidc/v1/token")
	for i := range 2 {
		if i > 0 {
			expireTokens(w)
		}
		var one int
		require.NoError(t, db.QueryRowContext(context.Background(), "SELECT 1").Scan(&one))
		require.Equal(t, 1, one)
	}
	require.Equal(t, 1, w.Calls("OpenSession"))
	require.Greater(t, w.Count(http.MethodPost, "/oidc/v1/token"), before)
}
