package workspace

import (
	"context"
	"database/sql"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/apache/thrift/lib/go/thrift"
	dbsql "github.com/databricks/databricks-sql-go"
	"github.com/stretchr/testify/require"

	"tributary/internal/testserver"
)

// connect opens the SQL endpoint as production does.
func connect(t *testing.T, w *Workspace, token, warehouse string) *sql.DB {
	t.Helper()
	host, port := w.HostPort()
	connector, err := dbsql.NewConnector(dbsql.WithServerHostname(host), dbsql.WithPort(port), dbsql.WithHTTPPath(w.HTTPPath(warehouse)),
		dbsql.WithAccessToken(token), dbsql.WithRetries(10, 100*time.Millisecond, time.Second),
		dbsql.WithSessionParams(map[string]string{"timezone": "UTC", "ansi_mode": "true"}))
	require.NoError(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func all(t *testing.T, db *sql.DB, query string, args ...any) [][]any {
	t.Helper()
	rows, err := db.QueryContext(context.Background(), query, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	var found [][]any
	for rows.Next() {
		row := make([]any, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		require.NoError(t, rows.Scan(into...))
		found = append(found, row)
	}
	require.NoError(t, rows.Err())
	return found
}

func TestSQLOnSpark(t *testing.T) {
	spark := testserver.Spark(t)
	w := Start(t, Options{SparkURL: spark.URL, Dir: spark.Dir})
	db, schema := connect(t, w, w.Token, DefaultWarehouse), spark.Schema(t)
	t.Run("OK parameters", func(t *testing.T) {
		at := time.Date(2026, 11, 21, 12, 0, 0, 123456000, time.UTC)
		require.Equal(t, [][]any{{"it's \\ \n ? ${x}", int64(1) << 60, 1.5, true, nil, at, "?"}},
			all(t, db, "SELECT ?, ?, ?, ?, ?, ? /* ? */, '?' -- ?", "it's \\ \n ? ${x}", int64(1)<<60, 1.5, true, nil, at))
		require.Equal(t, [][]any{{int64(7), ":id", int64(8)}},
			all(t, db, "SELECT :id, ':id', `a`::bigint FROM (SELECT 8 AS a) WHERE 7 = :id", sql.Named("id", int64(7))))
		require.Equal(t, [][]any{{`["main.central", main.x]`, "main.x"}}, all(t, db, "SELECT ?, ?", `["main.central", main.x]`, "main.x"), "a text that looks like a name")
	})
	t.Run("OK session", func(t *testing.T) {
		require.Equal(t, [][]any{{"UTC"}}, all(t, db, "SELECT current_timezone()"))
	})
	t.Run("OK catalog and volume", func(t *testing.T) {
		all(t, db, "CREATE SCHEMA `main`.`"+schema+"`")
		all(t, db, "CREATE TABLE `main`.`"+schema+"`.`t` USING DELTA AS SELECT 1L AS id, 'main.x and `main`.`y`' AS s")
		require.Equal(t, [][]any{{int64(1), "main.x and `main`.`y`"}}, all(t, db, "SELECT * FROM main."+schema+".t"))
		all(t, db, "INSERT OVERWRITE DIRECTORY '"+filepath.Join(w.Dir, "Volumes/main/central/staging/r")+"' USING PARQUET SELECT 2L AS id")
		require.Equal(t, [][]any{{int64(2)}}, all(t, db, "SELECT id FROM parquet.`/Volumes/main/central/staging/r`"))
		require.Contains(t, all(t, db, "SHOW SCHEMAS IN `main`"), []any{schema})
	})
	t.Run("Err in Databricks' words", func(t *testing.T) {
		_, err := db.ExecContext(context.Background(), "SELECT * FROM nowhere")
		require.ErrorContains(t, err, "[TABLE_OR_VIEW_NOT_FOUND]")
		require.NotContains(t, err.Error(), "org.apache")
		require.NotContains(t, err.Error(), "\tat ")
	})
	t.Run("Err connection cut in the middle of rows", func(t *testing.T) {
		w.Fail(Fault{Call: "FetchResults", Times: 100, CutResponse: 100})
		defer w.NoFaults()
		rows, err := db.QueryContext(context.Background(), "SELECT id, repeat('x', 100) FROM range(1000)")
		if err == nil {
			defer rows.Close()
			for rows.Next() {
				t.Fatal("a row came out of a cut answer")
			}
			err = rows.Err()
		}
		require.Error(t, err)
	})
	t.Run("OK stopped warehouse starts", func(t *testing.T) {
		w.StopWarehouse(DefaultWarehouse)
		require.Equal(t, [][]any{{int32(1)}}, all(t, connect(t, w, w.Token, DefaultWarehouse), "SELECT 1"))
		require.Contains(t, w.Statements(), "SELECT 1")
	})
}

func TestSQLRefused(t *testing.T) {
	spark := httptest.NewServer(http.NotFoundHandler())
	defer spark.Close()
	w := Start(t, Options{SparkURL: spark.URL})
	for _, c := range []struct {
		name, token, path, deny string
		status                  int
		says                    string
	}{
		{name: "Err no token", path: w.HTTPPath(DefaultWarehouse), status: http.StatusUnauthorized},
		{name: "Err unknown token", token: "dapi0", path: w.HTTPPath(DefaultWarehouse), status: http.StatusForbidden},
		{name: "Err no such warehouse", token: w.Token, path: w.HTTPPath("none"), status: http.StatusNotFound, says: "RESOURCE_DOES_NOT_EXIST: SQL warehouse none does not exist."},
		{name: "Err no such path", token: w.Token, path: "/sql/1.0/clusters/x", status: http.StatusNotFound},
		{name: "Err no Thrift", token: w.Token, path: w.HTTPPath(DefaultWarehouse), status: http.StatusBadRequest, says: "BAD_REQUEST: not a Thrift message"},
		{name: "Err no CAN USE", token: w.Token, path: w.HTTPPath(DefaultWarehouse), deny: "CAN USE " + DefaultWarehouse, status: http.StatusForbidden, says: "PERMISSION_DENIED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.deny != "" {
				w.Deny(c.deny)
				defer w.Allow(c.deny)
			}
			status, _, header := ask(t, w, c.token, http.MethodPost, c.path, "x")
			require.Equal(t, c.status, status)
			require.Contains(t, header.Get("X-Thriftserver-Error-Message"), c.says)
		})
	}
	t.Run("Err starting, and then it runs", func(t *testing.T) {
		w.StopWarehouse(DefaultWarehouse)
		var got []int
		for range 3 {
			status, _, header := ask(t, w, w.Token, http.MethodPost, w.HTTPPath(DefaultWarehouse), "x")
			got = append(got, status)
			require.Equal(t, status == http.StatusServiceUnavailable, header.Get("Retry-After") == "1")
		}
		require.Equal(t, []int{503, 503, 400}, got)
	})
}

func TestThriftPassesUnchanged(t *testing.T) {
	all := fields{
		{1, thrift.STRUCT, fields{{1, thrift.BOOL, true}, {2, thrift.BYTE, int8(-1)}, {3, thrift.I16, int16(-2)}}},
		{2, thrift.I32, int32(-3)},
		{3, thrift.I64, int64(-4)},
		{4, thrift.DOUBLE, 1.5},
		{1288, thrift.STRING, []byte("text\x00\xff")},
		{5, thrift.LIST, sequence{thrift.STRUCT, []any{fields{{1, thrift.STRING, []byte("a")}}, fields(nil)}}},
		{6, thrift.SET, sequence{thrift.I32, []any{int32(1), int32(2)}}},
		{7, thrift.MAP, mapping{thrift.STRING, thrift.LIST, [][2]any{{[]byte("k"), sequence{thrift.BOOL, []any{true, false}}}}}},
	}
	data, err := message{"Method", thrift.CALL, 42, all}.bytes()
	require.NoError(t, err)
	read, err := readMessage(data)
	require.NoError(t, err)
	require.Equal(t, message{"Method", thrift.CALL, 42, all}, read)
	again, err := read.bytes()
	require.NoError(t, err)
	require.Equal(t, data, again)
	for cut := range data {
		_, err := readMessage(data[:cut])
		require.Error(t, err, cut)
	}
}

func TestStatementIsRewrittenOnlyWhereSparkDiffers(t *testing.T) {
	w, err := newWorkspace(Options{Dir: t.TempDir(), Volumes: []string{"main.central.staging", "odd-one.s.v"}})
	require.NoError(t, err)
	for sql, want := range map[string]string{
		"SELECT * FROM `main`.`s`.`t`":                           "SELECT * FROM `spark_catalog`.`s`.`t`",
		"SELECT * FROM main.s.t, domain.s.t, a.main.b":           "SELECT * FROM `spark_catalog`.s.t, domain.s.t, a.main.b",
		"SELECT `t`.`main`.`x`, `main` FROM `odd-one`.s":         "SELECT `t`.`main`.`x`, `main` FROM `spark_catalog`.s",
		"SELECT 'main.s', '`main`.', \"main.s\"":                 "SELECT 'main.s', '`main`.', \"main.s\"",
		"SELECT 'it\\'s main.s' -- main.s\n/* `main`. */":        "SELECT 'it\\'s main.s' -- main.s\n/* `main`. */",
		"SELECT `a``main`.`b`":                                   "SELECT `a``main`.`b`",
		"SHOW SCHEMAS IN `main`":                                 "SHOW SCHEMAS IN `spark_catalog`",
		"FROM parquet.`/Volumes/main/central/staging/*.parquet`": "FROM parquet.`" + w.Dir + "/Volumes/main/central/staging/*.parquet`",
		"SELECT a:b, c ? d":                                      "",
		"SELECT a:main, x::int":                                  "SELECT a:main, x::int",
	} {
		got, err := w.statement(sql, nil)
		if want == "" {
			require.ErrorContains(t, err, "1 parameter markers and 0 parameters", sql)
			continue
		}
		require.NoError(t, err, sql)
		require.Equal(t, want, got)
	}
}

func TestParametersBecomeLiterals(t *testing.T) {
	w, err := newWorkspace(Options{Dir: t.TempDir()})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		sql        string
		parameters []parameter
		want, err  string
	}{
		"OK in their order": {"? '?' ?", []parameter{{kind: "STRING", text: `o'\n`}, {kind: "BIGINT", text: "7"}}, `'o\'\\n' '?' CAST('7' AS BIGINT)`, ""},
		"OK named, twice":   {":a :ab :a", []parameter{{name: "a", kind: "DECIMAL(3,1)", text: "1.5"}}, "CAST('1.5' AS DECIMAL(3,1)) :ab CAST('1.5' AS DECIMAL(3,1))", ""},
		"OK null":           {"? ?", []parameter{{kind: "VOID", null: true}, {kind: "STRING", null: true}}, "NULL CAST(NULL AS STRING)", ""},
		"Err too few":       {"? ?", []parameter{{kind: "STRING"}}, "", "2 parameter markers and 1 parameters"},
		"Err too many":      {"?", []parameter{{kind: "STRING"}, {kind: "STRING"}}, "", "1 parameter markers and 2 parameters"},
		"Err unknown type":  {"?", []parameter{{kind: "STRING); DROP"}}, "", "unknown type"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := w.statement(c.sql, c.parameters)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, got)
		})
	}
}

func TestErrorsAreShownAsDatabricksDoes(t *testing.T) {
	const hive = "org.apache.hive.service.cli.HiveSQLException: Error running query: "
	for text, want := range map[string]string{
		hive + "[NO_TABLE] org.apache.spark.sql.AnalysisException: [NO_TABLE] Not there. SQLSTATE: 42P01;\n'Project\n\n\tat a.b(C.scala:1)\nCaused by: x":       "[NO_TABLE] Not there. SQLSTATE: 42P01;\n'Project",
		hive + "[SYNTAX] org.apache.spark.sql.ParseException: \n[SYNTAX] Syntax\n\tat a.b(C.scala:1)":                                                           "[SYNTAX] Syntax",
		hive + "org.apache.spark.SparkException: Job aborted\n\tat a.b\nCaused by: io.delta.ConcurrentAppendException: [DELTA_CONCURRENT_APPEND] again\n\tat c": "[DELTA_CONCURRENT_APPEND] again",
		hive + "java.lang.RuntimeException: outer\n\tat a.b\nCaused by: io.delta.ConcurrentAppendException: inner\n\tat c":                                      "io.delta.ConcurrentAppendException: inner",
		"": "",
	} {
		require.Equal(t, want, displayMessage(text))
	}
}

func TestVolumesOfOneWorkspaceAreKept(t *testing.T) {
	dir := t.TempDir()
	first := Start(t, Options{Dir: dir})
	file := filepath.Join(dir, "Volumes/main/central/staging/a")
	require.NoError(t, os.WriteFile(file, []byte("kept"), 0o600))
	second := Start(t, Options{Dir: dir})
	require.NotEqual(t, first.URL, second.URL)
	status, body, _ := ask(t, second, second.Token, http.MethodGet, "/api/2.0/fs/files/Volumes/main/central/staging/a", "")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "kept", body)
}
