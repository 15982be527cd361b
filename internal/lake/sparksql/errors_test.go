package sparksql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/databricks"
	"tributary/internal/lake"
)

// failedWith is what the driver returns when a server says text.
func failedWith(state, text string) error {
	return readError(executionError{text: "databricks: execution error: failed to execute query: unexpected operation state ERROR_STATE: " + text, state: state})
}

const (
	hive  = "org.apache.hive.service.cli.HiveSQLException: Error running query: "
	stack = "\n\tat org.apache.spark.sql.hive.thriftserver.HiveThriftServerErrors$.runningQueryError(HiveThriftServerErrors.scala:43)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\n"
)

func TestErrorsAreReadAndNamed(t *testing.T) {
	l := &Lake{where: "warehouse 404 of host:403", dialect: databricksDialect}
	for name, c := range map[string]struct {
		state, text string
		want        error // nil: retryable
		says        string
	}{
		"OK conflict of Databricks": {"2D521", "[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Transaction conflict detected. Files were added to the root of the table by a concurrent MERGE. SQLSTATE: 2D521", lake.ErrConflict, "[DELTA_CONCURRENT_APPEND.WITHOUT_HINT] Transaction conflict"},
		"OK conflict with a hint":   {"", "[DELTA_CONCURRENT_APPEND.WITH_PARTITION_HINT] Transaction conflict detected. SQLSTATE: 2D521", lake.ErrConflict, ""},
		"OK conflict by state only": {"2D521", "Transaction conflict detected", lake.ErrConflict, ""},
		"OK conflict of deletes":    {"", "[DELTA_CONCURRENT_DELETE_READ.WITHOUT_HINT] x SQLSTATE: 2D521", lake.ErrConflict, ""},
		"OK metadata changed":       {"", "[DELTA_METADATA_CHANGED] MetadataChangedException: The metadata of the Delta table has been changed by a concurrent update. SQLSTATE: 2D521", lake.ErrConflict, ""},
		"OK conflict of Spark": {"", hive + "io.delta.exceptions.ConcurrentAppendException: [DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to partition [region=eu] by a concurrent update. Please try the operation again." + stack +
			"Caused by: io.delta.exceptions.ConcurrentAppendException: [DELTA_CONCURRENT_APPEND] ConcurrentAppendException: Files were added to partition [region=eu] by a concurrent update." + stack, lake.ErrConflict, "partition [region=eu]"},
		"OK conflict of old Delta": {"", hive + "java.lang.RuntimeException: x" + stack + "Caused by: io.delta.exceptions.ConcurrentDeleteReadException: This transaction attempted to read one or more files that were deleted" + stack, lake.ErrConflict, "files that were deleted"},
		"Err no table":             {"42P01", hive + "[TABLE_OR_VIEW_NOT_FOUND] org.apache.spark.sql.catalyst.ExtendedAnalysisException: [TABLE_OR_VIEW_NOT_FOUND] The table or view `a`.`b` cannot be found. SQLSTATE: 42P01; line 1 pos 14;\n'Project [*]\n+- 'UnresolvedRelation" + stack, lake.ErrNotFound, "`a`.`b` cannot be found"},
		"Err grant":                {"42501", "[INSUFFICIENT_PERMISSIONS] Insufficient privileges: User does not have MODIFY on Table 'main.central.orders'. SQLSTATE: 42501", lake.ErrDenied, "MODIFY on Table 'main.central.orders'"},
		"Err old grant":            {"", "PERMISSION_DENIED: User does not have USE SCHEMA on Schema 'main.central'.", lake.ErrDenied, "USE SCHEMA on Schema 'main.central'"},
		"Err grant by state":       {"42501", "User does not have permission SELECT on any file.", lake.ErrDenied, "SELECT on any file"},
		"Err catalog":              {"42704", "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'mian' was not found. SQLSTATE: 42704", lake.ErrSetup, "target.catalog"},
		"Err value":                {"22003", "[CAST_OVERFLOW] The value 404 of the type \"INT\" cannot be cast. SQLSTATE: 22003", lake.ErrSchema, "404"},
		"Err other, with numbers like an HTTP status": {"", hive + "[DIVIDE_BY_ZERO] Division by zero in 404 of 401 rows at port 403. SQLSTATE: 22012" + stack, nil, "404 of 401"},
		"Err a text with the driver's words":          {"", hive + "[USER_RAISED_EXCEPTION] request error after 1 attempt(s): unexpected HTTP status 404 Not Found SQLSTATE: P0001" + stack, nil, "USER_RAISED"},
	} {
		t.Run(name, func(t *testing.T) {
			err := failedWith(c.state, c.text)
			require.Equal(t, errors.Is(c.want, lake.ErrConflict), isConflict(err))
			named := l.translate(t.Context(), err)
			requireOnly(t, c.want, named)
			require.ErrorContains(t, named, c.says)
			require.NotContains(t, named.Error(), "\tat ")
			require.NotContains(t, named.Error(), "UnresolvedRelation")
		})
	}
}

// requireOnly says that an error is one of the lake's, and none of the others; nil means none.
func requireOnly(t *testing.T, want, err error) {
	t.Helper()
	for _, sentinel := range []error{lake.ErrNotFound, lake.ErrSchema, lake.ErrCorrupt, lake.ErrConflict, lake.ErrBatch, lake.ErrDenied, lake.ErrSetup} {
		require.Equal(t, sentinel == want, errors.Is(err, sentinel), "%v: %v", sentinel, err) //nolint:errorlint // these very ones
	}
}

// TestRefusedRequestsAreNamedByTheirStatus lets the driver itself meet every status.
func TestRefusedRequestsAreNamedByTheirStatus(t *testing.T) {
	const secret = "dapi-very-secret"
	var logged bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))) // of package log and of the driver too
	defer slog.SetDefault(before)
	defer func() {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte("tributary:" + secret))} {
			require.NotContains(t, logged.String(), form)
		}
	}()
	for status, want := range map[int]error{
		http.StatusUnauthorized: lake.ErrDenied, http.StatusForbidden: lake.ErrDenied, http.StatusNotFound: lake.ErrSetup, http.StatusMethodNotAllowed: lake.ErrSetup,
		http.StatusBadRequest: nil, http.StatusConflict: nil,
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Databricks-Reason-Phrase", "SAID_BY_THE_SERVER: because of 404 things")
				w.WriteHeader(status)
			}))
			defer server.Close()
			l, err := OpenSpark(SparkOptions{URL: server.URL + "/cliservice", Staging: t.TempDir(), Password: secret})
			require.NoError(t, err)
			defer func() { require.NoError(t, l.Close()) }()
			_, err = l.Tables(t.Context(), "central")
			requireOnly(t, want, err)
			require.ErrorContains(t, err, fmt.Sprintf("HTTP %d", status))
			require.ErrorContains(t, err, "SAID_BY_THE_SERVER")
			require.ErrorContains(t, err, "lake")
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func TestTranslateKeepsWhatIsNamedAlready(t *testing.T) {
	l := &Lake{where: "here", dialect: sparkDialect}
	for given, want := range map[error]error{
		lake.ErrBatch: lake.ErrBatch, lake.ErrSchema: lake.ErrSchema, databricks.ErrDenied: lake.ErrDenied, databricks.ErrMissing: lake.ErrSetup,
		databricks.ErrSettings: lake.ErrSetup, databricks.ErrFull: nil, databricks.ErrUnavailable: nil,
	} {
		err := l.translate(t.Context(), fmt.Errorf("what: %w", given))
		requireOnly(t, want, err)
		require.ErrorIs(t, err, given)
	}
	require.NoError(t, l.translate(t.Context(), nil))
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTimeout)
	require.ErrorIs(t, l.translate(ctx, errors.New("x")), errTimeout)
}

// TestConflictsAreRetriedAndThenReported counts the attempts.
func TestConflictsAreRetriedAndThenReported(t *testing.T) {
	conflict := failedWith("2D521", "[DELTA_CONCURRENT_APPEND] again")
	for name, c := range map[string]struct {
		errs  []error
		want  error
		calls int
	}{
		"OK at once":      {nil, nil, 1},
		"OK at the third": {[]error{conflict, fmt.Errorf("x: %w", errStale)}, nil, 3},
		"Err other":       {[]error{conflict, lake.ErrSchema}, lake.ErrSchema, 2},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			err := retry(t.Context(), func() error {
				calls++
				if calls <= len(c.errs) {
					return c.errs[calls-1]
				}
				return nil
			})
			require.ErrorIs(t, err, c.want)
			require.Equal(t, c.calls, calls)
		})
	}
	t.Run("Err the context ends", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, retry(ctx, func() error { return conflict }), context.DeadlineExceeded)
	})
}

// fakeConn is a session of the driver.
type fakeConn struct {
	driverConn
	err    error
	closed error
	closes int
}

func (c *fakeConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return nil, c.err
}
func (c *fakeConn) Close() error { c.closes++; return c.closed }

// TestSessionsThatAreLostAreDropped says which statements certainly did not run, and may be run again by database/sql.
func TestSessionsThatAreLostAreDropped(t *testing.T) {
	for name, c := range map[string]struct {
		err       error
		runsAgain bool
		valid     bool
	}{
		"restarted server":                 {failedWith("", hive+"java.lang.IllegalArgumentException: requirement failed: Session handle: SessionHandle [8b] has not been initialized or had already closed."+stack), true, false},
		"unknown session":                  {executionError{text: "databricks: execution error: failed to execute query: org.apache.hive.service.cli.HiveSQLException: Invalid SessionHandle: SessionHandle [8b]"}, true, false},
		"lost statement":                   {executionError{text: "databricks: execution error: failed to execute query: org.apache.hive.service.cli.HiveSQLException: Invalid OperationHandle: OperationHandle [opType=EXECUTE_STATEMENT]"}, false, false},
		"lost request":                     {&requestError{text: "EOF", cause: io.EOF}, false, false},
		"the driver would run it again":    {&requestError{text: "x", cause: fmt.Errorf("get operation status request error: %w", driver.ErrBadConn)}, false, false},
		"failed statement with such words": {failedWith("P0001", "[USER_RAISED_EXCEPTION] Invalid SessionHandle SQLSTATE: P0001"), false, true},
		"failed statement":                 {failedWith("42P01", "[TABLE_OR_VIEW_NOT_FOUND] no"), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(&fakeConn{err: c.err})
			_, err := s.QueryContext(t.Context(), "x", nil)
			require.Equal(t, c.runsAgain, errors.Is(err, driver.ErrBadConn), err)
			require.Equal(t, c.valid, s.IsValid())
		})
	}
	t.Run("closing is no error, and is not tried again while the server is away", func(t *testing.T) {
		away := newSession(&fakeConn{closed: errors.New("connection refused")})
		require.NoError(t, away.Close())
		inner := &fakeConn{}
		next := &session{driverConn: inner, unreached: away.unreached}
		require.NoError(t, next.Close())
		require.Zero(t, inner.closes)
		restarted := newSession(&fakeConn{closed: errors.New("closing: Session does not exist")})
		require.NoError(t, restarted.Close())
		require.False(t, restarted.unreached.Load())
	})
}
