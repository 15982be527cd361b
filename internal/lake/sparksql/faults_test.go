package sparksql_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/databricks"
	"tributary/internal/lake"
	"tributary/internal/lake/sparksql"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
)

const oneRow = "SELECT 1::BIGINT AS id, 'v' AS v"

// TestWrongSettings meets what an administrator may have typed wrong or forgotten.
func TestWrongSettings(t *testing.T) {
	spark := testserver.Spark(t)
	t.Run("ErrHostOfSpark", func(t *testing.T) {
		t.Parallel() // the driver tries for a while
		l := openSpark(t, spark, func(o *sparksql.SparkOptions) { o.URL = "http://no-such-host.invalid:10001/cliservice" })
		requireNamed(t, lake.ErrSetup, tablesError(t, l), "no-such-host.invalid", "lake.url")
	})
	t.Run("ErrPathOfSpark", func(t *testing.T) {
		l := openSpark(t, spark, func(o *sparksql.SparkOptions) { o.URL = strings.Replace(o.URL, "cliservice", "wrong", 1) })
		requireNamed(t, lake.ErrSetup, tablesError(t, l), "HTTP 40", "lake.url")
	})
	t.Run("ErrTLSOfSpark", func(t *testing.T) {
		t.Parallel() // the driver tries for a while
		l := openSpark(t, spark, func(o *sparksql.SparkOptions) { o.URL = strings.Replace(o.URL, "http:", "https:", 1) })
		requireNamed(t, lake.ErrSetup, tablesError(t, l), "lake.url")
	})
	w := startWorkspace(t, spark)
	t.Run("ErrWarehouse", func(t *testing.T) {
		l := openDatabricks(t, w, func(o *sparksql.DatabricksOptions) { o.Warehouse = "fedcba9876543210" })
		requireNamed(t, lake.ErrSetup, tablesError(t, l), "fedcba9876543210", "lake.warehouse", workspace.DefaultWarehouse)
	})
	t.Run("ErrGrantOfWarehouse", func(t *testing.T) {
		deny(t, w, "CAN USE "+workspace.DefaultWarehouse)
		requireNamed(t, lake.ErrDenied, tablesError(t, openDatabricks(t, w)), "CAN USE")
	})
	for name, volume := range map[string]string{"ErrVolume": "/Volumes/main/central/nowhere", "ErrSchemaOfVolume": "/Volumes/main/nowhere/staging", "ErrCatalogOfVolume": "/Volumes/mian/central/staging"} {
		t.Run(name, func(t *testing.T) {
			l := openDatabricks(t, w, func(o *sparksql.DatabricksOptions) { o.Staging = volume })
			_, err := l.Stage(t.Context(), "run/1", []table.File{parquetFile(t, oneRow)})
			requireNamed(t, lake.ErrSetup, err, "does not exist")
		})
	}
	for _, grant := range []string{"WRITE VOLUME main.central.staging", "USE SCHEMA main.central", "USE CATALOG main"} {
		t.Run("ErrGrant "+grant, func(t *testing.T) {
			deny(t, w, grant)
			_, err := openDatabricks(t, w).Stage(t.Context(), "run/1", []table.File{parquetFile(t, oneRow)})
			requireNamed(t, lake.ErrDenied, err, strings.Join(strings.Fields(grant)[:2], " "))
		})
	}
	t.Run("ErrCatalog", func(t *testing.T) {
		l := openDatabricks(t, w)
		_, err := l.Merge(t.Context(), []table.Batch{batch(t, l, "mian.central", "acme", oneRow)})
		requireNamed(t, lake.ErrSetup, err, "target.catalog")
	})
}

func deny(t *testing.T, w *workspace.Workspace, grant string) {
	t.Helper()
	w.Deny(grant)
	t.Cleanup(func() { w.Allow(grant) })
}

func tablesError(t *testing.T, l lake.Lake) error {
	t.Helper()
	_, err := l.Tables(t.Context(), "central")
	return err
}

// requireNamed says that an error is one of the lake's, and what it tells.
func requireNamed(t *testing.T, want, err error, says ...string) {
	t.Helper()
	require.ErrorIs(t, err, want)
	for _, text := range says {
		require.ErrorContains(t, err, text)
	}
}

func TestTokensExpireAndAreRevoked(t *testing.T) {
	spark := testserver.Spark(t)
	const life = time.Second
	w := startWorkspace(t, spark, func(o *workspace.Options) { o.TokenLife = life })
	schema := "main." + spark.Schema(t)
	t.Run("OKRenewed", func(t *testing.T) {
		l := openDatabricks(t, w)
		require.Equal(t, "1 0 0", merged(t, l, batch(t, l, schema, "acme", oneRow)))
		tokens := w.Count("POST", "/oidc/v1/token")
		time.Sleep(2*life + 100*time.Millisecond) // a token that was being renewed at the last request counted anew with the answer
		w.ExpireTokens()
		require.Equal(t, "0 1 0", merged(t, l, batch(t, l, schema, "acme", "SELECT 1::BIGINT AS id, 'w' AS v")))
		require.Greater(t, w.Count("POST", "/oidc/v1/token"), tokens)
	})
	t.Run("ErrSecretWasRotated", func(t *testing.T) {
		l := openDatabricks(t, w)
		require.NoError(t, tablesError(t, l))
		w.RotateSecret()
		var err error
		require.Eventually(t, func() bool { err = tablesError(t, l); return err != nil }, 2*time.Minute, 100*time.Millisecond)
		requireNamed(t, lake.ErrDenied, err, "client_secret")
		require.NotContains(t, err.Error(), w.ClientSecret)
	})
	t.Run("ErrTokenWasRevoked", func(t *testing.T) {
		signedIn, err := databricks.Open(t.Context(), databricks.Options{Host: w.URL, Token: w.Token})
		require.NoError(t, err)
		l := openDatabricks(t, w, func(o *sparksql.DatabricksOptions) { o.Workspace = signedIn })
		require.NoError(t, tablesError(t, l))
		w.RevokeToken()
		err = tablesError(t, l)
		requireNamed(t, lake.ErrDenied, err, "Invalid access token", "renew")
		require.NotContains(t, err.Error(), w.Token)
	})
}

func TestStoppedWarehouseIsWaitedFor(t *testing.T) {
	spark := testserver.Spark(t)
	w := startWorkspace(t, spark)
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	w.StopWarehouse(workspace.DefaultWarehouse)
	require.NoError(t, tablesError(t, openDatabricks(t, w)))
	require.Contains(t, log.String(), "waiting for the SQL warehouse")
	require.Contains(t, log.String(), workspace.DefaultWarehouse)
	require.NotContains(t, log.String(), w.ClientSecret)
}

// TestStatementsTimeOut runs a statement that takes minutes, and looks whether the server goes on with it.
func TestStatementsTimeOut(t *testing.T) {
	spark := testserver.Spark(t)
	w := startWorkspace(t, spark)
	const slow = "SELECT count(*) FROM range(3000000) a JOIN range(3000000) b ON hash(a.id, b.id) = 7"
	for kind, open := range map[string]func() lake.Lake{
		"spark": func() lake.Lake {
			return openSpark(t, spark, func(o *sparksql.SparkOptions) { o.Timeout = 2 * time.Second })
		},
		"databricks": func() lake.Lake {
			return openDatabricks(t, w, func(o *sparksql.DatabricksOptions) { o.Timeout = 2 * time.Second })
		},
	} {
		t.Run(kind, func(t *testing.T) {
			l := open()
			executor, ok := lake.As[lake.Executor](l)
			require.True(t, ok)
			for _, run := range []func() error{
				func() error { _, err := l.Query(t.Context(), "default", slow, lake.At{}); return err },
				func() error { return executor.Exec(t.Context(), "default", slow) },
			} {
				before := w.Calls("CancelOperation")
				for tries := 1; ; tries++ {
					err := run()
					require.ErrorContains(t, err, "lake.statement_timeout of 2s")
					requireRetryable(t, err)
					if kind == "spark" || w.Calls("CancelOperation") > before {
						break
					}
					require.Less(t, tries, 10, "the statement is cancelled, unless the time was over before it had begun")
				}
			}
		})
	}
	require.Equal(t, []string{"10"}, found(t, openSpark(t, spark), "default", "SELECT count(*) FROM range(10)"), "the server's few threads are free again")
}

// TestResultsAreWholeOrFail cuts connections in the middle of results.
func TestResultsAreWholeOrFail(t *testing.T) {
	spark := testserver.Spark(t)
	w := startWorkspace(t, spark)
	l := openDatabricks(t, w)
	const query = "SELECT id, repeat('x', 100) AS v FROM range(50000) ORDER BY id"
	read := func() (rows int, err error) {
		result, err := l.Query(t.Context(), "default", query, lake.At{})
		if err != nil {
			return 0, err
		}
		for _, ok := result.Next(); ok; _, ok = result.Next() {
			rows++
		}
		err = result.Err()
		return rows, errors.Join(err, result.Close())
	}
	for name, fault := range map[string]workspace.Fault{
		"CutInTheFirstPage":   {Call: "FetchResults", CutResponse: 100_000},
		"CutInTheSecondPage":  {Call: "FetchResults", After: 1, CutResponse: 100_000},
		"CutBeforeTheFirst":   {Call: "FetchResults", CutResponse: 1},
		"Truncated":           {Call: "FetchResults", After: 1, Truncate: 20},
		"MetadataCut":         {Call: "GetResultSetMetadata", CutResponse: 10},
		"MetadataLostForLong": {Call: "GetResultSetMetadata", CutResponse: 10, Times: 10},
	} {
		t.Run("Err"+name, func(t *testing.T) {
			w.Fail(fault)
			defer w.NoFaults()
			rows, err := read()
			if err == nil {
				require.Equal(t, 50000, rows, "all rows, or an error")
			} else {
				requireRetryable(t, err)
			}
		})
	}
	for name, fault := range map[string]workspace.Fault{
		"AnswerLost":        {Call: "FetchResults", Lost: true},
		"SecondAnswerLost":  {Call: "FetchResults", After: 1, Lost: true},
		"StatusLost":        {Call: "GetOperationStatus", Lost: true},
		"UnavailableStatus": {Call: "GetOperationStatus", Status: 503, RetryAfter: 1},
	} {
		t.Run("OK"+name, func(t *testing.T) {
			w.Fail(fault)
			defer w.NoFaults()
			rows, err := read()
			if err != nil {
				requireRetryable(t, err)
				rows, err = read()
			}
			require.NoError(t, err)
			require.Equal(t, 50000, rows)
		})
	}
}
