package testserver_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	dbsql "github.com/databricks/databricks-sql-go"

	"tributary/internal/testserver"
)

func TestSparkRunsDeltaStatementsAndSharesItsFolder(t *testing.T) {
	s := testserver.Spark(t)
	db := openSpark(t, s)
	name := s.Schema(t)
	execSpark(t, db, "CREATE SCHEMA "+name,
		"CREATE TABLE "+name+".orders (id BIGINT, total INT) USING delta",
		"INSERT INTO "+name+".orders VALUES (1, 10), (2, 20)",
		"MERGE INTO "+name+".orders t USING (SELECT 2L AS id, 22 AS total UNION ALL SELECT 3L, 30) s ON t.id = s.id "+
			"WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
		"INSERT OVERWRITE DIRECTORY '"+filepath.Join(s.Dir, "out")+"' USING parquet SELECT * FROM "+name+".orders")
	wantNumber(t, db, "SELECT sum(total) FROM "+name+".orders", 62)
	files, err := filepath.Glob(filepath.Join(s.Dir, "out", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the test sees %d of the files that Spark wrote into Dir, %v", len(files), err)
	}
}

func TestSparkIsOneServerWithAFolderForEachTest(t *testing.T) {
	s := testserver.Spark(t)
	var inner *testserver.SparkServer
	t.Run("another test", func(t *testing.T) {
		inner = testserver.Spark(t)
		if inner.URL != s.URL {
			t.Errorf("servers %s and %s, want one", inner.URL, s.URL)
		}
		if inner.Dir == s.Dir {
			t.Errorf("both stage in %s", s.Dir)
		}
		if inner.Schema(t) == s.Schema(t) {
			t.Error("both have the same schema")
		}
	})
	if _, err := os.Stat(inner.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a test that has ended: %v, want none", err)
	}
	for name, call := range map[string]func() error{"Start": s.Start, "Restart": s.Restart, "Stop": s.Stop, "Kill": s.Kill} {
		if err := call(); !errors.Is(err, testserver.ErrSharedSpark) {
			t.Errorf("%s = %v, want ErrSharedSpark", name, err)
		}
	}
}

func TestPrivateSparkKeepsAddressAndTablesOver(t *testing.T) {
	s := testserver.PrivateSpark(t)
	db := openSpark(t, s)
	execSpark(t, db, "CREATE SCHEMA kept", "CREATE TABLE kept.t (a INT) USING delta", "INSERT INTO kept.t VALUES (1), (2)")
	port := portOf(t, s)
	t.Run("Stop and Start", func(t *testing.T) {
		if err := s.Stop(); err != nil {
			t.Fatal(err)
		}
		wantListening(t, port, false)
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
		wantNumber(t, openSpark(t, s), "SELECT count(*) FROM kept.t", 2)
	})
	t.Run("Start of a running one is an error", func(t *testing.T) {
		if err := s.Start(); err == nil {
			t.Fatal("it was started twice")
		}
	})
	t.Run("Kill", func(t *testing.T) { // and Start: the lake's tests of restarts
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		wantListening(t, port, false)
	})
}

func TestSparkShareStartsOneForAll(t *testing.T) {
	share := &testserver.SparkShare{}
	server := httptest.NewServer(share)
	defer server.Close()
	t.Setenv("TRIBUTARY_TEST_SPARK", "")
	t.Setenv(testserver.SparkShareEnv, server.URL)

	var users [2]*testserver.SparkServer
	var wg sync.WaitGroup
	for i := range users {
		wg.Go(func() { users[i] = testserver.Spark(t) })
	}
	wg.Wait()
	if users[0].URL != users[1].URL {
		t.Fatalf("servers %s and %s, want one", users[0].URL, users[1].URL)
	}
	port := portOf(t, users[0])
	wantListening(t, port, true)

	t.Run("a server of the environment is used instead", func(t *testing.T) {
		dir := t.TempDir()
		t.Setenv("TRIBUTARY_TEST_SPARK", users[0].URL)
		t.Setenv("TRIBUTARY_TEST_SPARK_DIR", dir)
		t.Setenv(testserver.SparkShareEnv, "http://127.0.0.1:1/not-asked")
		if s := testserver.Spark(t); s.URL != users[0].URL || filepath.Dir(s.Dir) != dir {
			t.Fatalf("it is %s with %s, want %s with a folder in %s", s.URL, s.Dir, users[0].URL, dir)
		}
	})
	if err := share.Close(); err != nil {
		t.Fatal(err)
	}
	wantListening(t, port, false)
}

func TestSparkErrWrongEnvironment(t *testing.T) {
	broken := httptest.NewServer(http.NotFoundHandler())
	defer broken.Close()
	for name, tc := range map[string]struct{ server, dir, share, want string }{
		"no folder":     {server: broken.URL, want: "TRIBUTARY_TEST_SPARK_DIR"},
		"another serve": {server: broken.URL, dir: os.TempDir(), want: "no Spark Thrift server"},
		"failed share":  {share: broken.URL, want: "page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TRIBUTARY_TEST_SPARK", tc.server)
			t.Setenv("TRIBUTARY_TEST_SPARK_DIR", tc.dir)
			t.Setenv(testserver.SparkShareEnv, tc.share)
			wantInError(t, fatalError(t, func(tb testing.TB) { testserver.Spark(tb) }), tc.want)
		})
	}
}

func TestStartSparkErr(t *testing.T) {
	root := t.TempDir()
	t.Chdir(root)
	write(t, filepath.Join(root, "go.mod"), "module tributary\n")
	t.Run("Missing says what to install", func(t *testing.T) {
		_, err := testserver.StartSpark()
		wantInError(t, err, "tests/provision.sh spark")
		if !errors.Is(err, testserver.ErrMissing) {
			t.Fatalf("%v is not ErrMissing", err)
		}
	})
	t.Run("Ended shows the log", func(t *testing.T) {
		write(t, filepath.Join(root, ".cache", "spark", "pins"), "")
		write(t, filepath.Join(root, ".cache", "spark", "java"), "#!/bin/sh\necho no room for the heap\nexit 1\n")
		_, err := testserver.StartSpark()
		wantInError(t, err, "no room for the heap")
	})
}

// fatalError returns the error with which call ends its test.
func fatalError(t *testing.T, call func(testing.TB)) error {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() { _ = recover() }()
		call(r)
	}()
	return errors.New(r.said)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), 0o700)); err != nil {
		t.Fatal(err)
	}
}

func portOf(t *testing.T, s *testserver.SparkServer) int {
	t.Helper()
	address, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// thriftTransport has the Databricks driver speak to Spark: Basic auth, and the protocol version in Thrift's own field.
type thriftTransport struct{}

func (thriftTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth("tributary", "tributary")
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = bytes.Replace(body, []byte("\x08\x00\x01\x00\x00\x00\x00"), []byte("\x08\x00\x01\x00\x00\x00\x07"), 1)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	return http.DefaultTransport.RoundTrip(r)
}

func openSpark(t *testing.T, s *testserver.SparkServer) *sql.DB {
	t.Helper()
	connector, err := dbsql.NewConnector(dbsql.WithServerHostname("http://127.0.0.1"), dbsql.WithPort(portOf(t, s)),
		dbsql.WithHTTPPath("/cliservice"), dbsql.WithTransport(thriftTransport{}),
		dbsql.WithSessionParams(map[string]string{"enableTelemetry": "false"}))
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func execSpark(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%v\nin: %s", err, statement)
		}
	}
}

func wantNumber(t *testing.T, db *sql.DB, query string, want int) {
	t.Helper()
	var got int
	if err := db.QueryRowContext(context.Background(), query).Scan(&got); err != nil || got != want {
		t.Fatalf("%s = %d, %v; want %d", query, got, err, want)
	}
}
