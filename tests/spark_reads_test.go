package tests

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

const typesSync = `
target: {{.Target}}
retry: {attempts: 4, initial: 200ms, max: 1s}
timeouts: {extract: 10m, step: 10m}
tables:
  - {name: types, cursor: updated_at, overlap: 1s, deletes: {column: gone}}
`

// typesTable has a column of every type of a source, and rows with the ends of each, with NULLs and with odd texts.
const typesTable = `
create table types (id int not null primary key,
  ti tinyint, tu tinyint unsigned, si smallint, su smallint unsigned, mi mediumint, mu mediumint unsigned, i int, iu int unsigned, bi bigint, bu bigint unsigned,
  d38 decimal(38,10), d5 decimal(5,2), d18 decimal(18,0), d65 decimal(65,30), f float, d double, b1 bit(1), b8 bit(8), b64 bit(64), y year, dt date,
  dtm datetime(6), dt0 datetime, ts timestamp(6) null, tm time(3), c char(10), vc varchar(200), txt longtext, e enum('a','b'), st set('x','y'), j json, u uuid, i6 inet6,
  bn binary(4), vb varbinary(20), bl longblob, g point,
  updated_at timestamp(6) not null default current_timestamp(6) on update current_timestamp(6), gone boolean not null default false) default charset=utf8mb4;
insert into types values
  (1, 127, 255, 32767, 65535, 8388607, 16777215, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615,
   9999999999999999999999999999.9999999999, 999.99, 999999999999999999, 99999999999999999999999999999999999.999999999999999999999999999999,
   3.4028234e38, 1.7976931348623157e308, 1, 255, b'1111111111111111111111111111111111111111111111111111111111111111', 2155, '9999-12-31',
   '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59', '2038-01-19 03:14:07.999999', '838:59:59.999', 'ten chars!', repeat('ü', 200), repeat('☕', 10000), 'b', 'x,y',
   '{"a": [1, "é"]}', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffff::ffff', x'ffffffff', x'00ff', repeat(x'00ff', 5000), point(1.5, -2.5), now(6), false),
  (2, -128, 0, -32768, 0, -8388608, 0, -2147483648, 0, -9223372036854775808, 0,
   -9999999999999999999999999999.9999999999, -999.99, -999999999999999999, -99999999999999999999999999999999999.999999999999999999999999999999,
   -3.4028234e38, -1.7976931348623157e308, 0, 0, 0, 1901, '1000-01-01',
   '1000-01-01 00:00:00.000001', '1000-01-01 00:00:00', '1970-01-01 00:00:01.000001', '-838:59:59.999', '', '', '', 'a', '',
   'null', '00000000-0000-0000-0000-000000000000', '::', x'00000000', '', '', point(0, 0), now(6), false),
  (3, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
   null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, now(6), false),
  (4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0.0000000001, 0.01, 1, 0.000000000000000000000000000001, 0.1, 0.1, 1, 1, 1, 2024, '1582-10-10',
   '1582-10-10 12:00:00.5', '1900-01-01 00:00:00', '2024-03-31 02:30:00.123456', '00:00:00.001', 'a''b', 'it''s "\\" \n\t \${x} %', 'null', 'a', 'x',
   '[]', '123e4567-e89b-12d3-a456-426614174000', '::1', x'00010203', x'27', x'5c', point(1e-300, 1e300), now(6), false),
  (5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 0, 5, 5, 2005, '2005-05-05', null, null, null, null, 'goes', null, null, null, null, null, null, null, null, null, null, null, now(6), false);`

// oddClient has what has a meaning in paths, patterns, URLs and SQL.
const oddClient = `o'brien ü=100% [a]{b} "q" #?&`

func TestSparkReadsAndMergesWhatTheLocalLakeWrites(t *testing.T) {
	t.Parallel()
	spark := testserver.Spark(t)
	dir := filepath.Join(spark.Dir, "lake")
	s := newTypesStack(t, dir)
	s.startWorker(t)
	local := s.lake(t)
	s.sync(t)
	for round := range 11 { // past a checkpoint, which comes with the tenth commit
		change := fmt.Sprintf("update types set vc = 'round %d' where id = 4; update types set gone = true where id = 5", round)
		if round%2 == 1 { // too large to go into a file with others
			change = fmt.Sprintf("set group_concat_max_len = 8388608; insert into types (id, bl) select %d, unhex(group_concat(sha2(rand() * seq, 512) separator '')) from seq_1_to_20000", 100+round)
		}
		for _, c := range s.clients {
			c.server.ExecIn(t, c.Database, change)
		}
		s.sync(t)
	}
	removed, added, err := local.Optimize(t.Context(), "central", "types", lake.Compaction{})
	require.NoError(t, err)
	require.Positive(t, removed)
	require.Equal(t, 2, added, "one file for each client")
	path := filepath.Join(dir, "central", "types")
	checkpoints, err := filepath.Glob(filepath.Join(path, "_delta_log", "*.checkpoint.parquet"))
	require.NoError(t, err)
	require.NotEmpty(t, checkpoints)

	remote := openSpark(t, spark)
	const query = "select * from %s order by client_id, id"
	rows := s.query(t, local, fmt.Sprintf(query, "types"))
	require.Len(t, rows, 18)
	require.Equal(t, rows, queryText(t, remote, "default", fmt.Sprintf(query, "delta.`"+path+"`")))

	schema := spark.Schema(t)
	requireSparkDescribes(t, local, remote, schema, path)
	t.Run("Spark merges into it and the local lake goes on", func(t *testing.T) {
		mergeNewRow(t, remote, schema)
		requireProtocol(t, path)
		require.Equal(t, []string{"9|from Spark|" + oddClient + "|NULL"}, s.query(t, local, "select id, vc, client_id, d38 from types where id = 9"))
		require.Equal(t, rows, s.query(t, local, "select * from types where id <> 9 order by client_id, id"), "the others are as they were")
		for _, c := range s.clients {
			c.server.ExecIn(t, c.Database, "update types set vc = 'again' where id = 1")
		}
		s.sync(t)
		after := s.query(t, local, fmt.Sprintf(query, "types"))
		require.Len(t, after, 19)
		require.Equal(t, after, queryText(t, remote, schema, fmt.Sprintf(query, "types")))
		require.Equal(t, []string{"2"}, queryText(t, remote, schema, "select count(*) from types where vc = 'again'"))
	})
}

// newTypesStack has a local lake in a folder that Spark sees, and two clients with typesTable.
func newTypesStack(t *testing.T, dir string) *stack {
	t.Helper()
	central := localLake(t)
	central.settings = fmt.Sprintf("{kind: local, path: %q, memory: 512MB}", dir)
	s := &stack{dir: t.TempDir(), temporal: testserver.Temporal(t), central: central}
	server := testserver.MariaDB(t)
	for i, id := range []string{"acme", oddClient} {
		c := tenant{ID: id, Region: "eu", Database: server.Database(t, fmt.Sprintf("types%d", i)), server: server}
		server.ExecIn(t, c.Database, typesTable)
		s.clients = append(s.clients, c)
	}
	s.configure(t, typesSync)
	return s
}

func openSpark(t *testing.T, spark *testserver.SparkServer) lake.Lake {
	t.Helper()
	l, err := open.Lake(t.Context(), config.Lake{Kind: config.LakeSpark, URL: spark.URL, Staging: filepath.Join(spark.Dir, "staging"), StatementTimeout: 10 * time.Minute})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// requireSparkDescribes makes the folder a table of Spark's, and requires that Spark says the same of it as the local lake.
func requireSparkDescribes(t *testing.T, local, remote lake.Lake, schema, path string) {
	t.Helper()
	runs, ok := lake.As[lake.Executor](remote)
	require.True(t, ok)
	require.NoError(t, runs.Exec(t.Context(), "default", "CREATE SCHEMA `"+schema+"`"))
	require.NoError(t, runs.Exec(t.Context(), schema, "CREATE TABLE types USING DELTA LOCATION '"+path+"'"))
	want, err := local.Describe(t.Context(), "central", "types")
	require.NoError(t, err)
	got, err := remote.Describe(t.Context(), schema, "types")
	require.NoError(t, err)
	require.Equal(t, []any{want.Version, want.Rows, want.Files, want.Bytes, want.PartitionBy}, []any{got.Version, got.Rows, got.Files, got.Bytes, got.PartitionBy})
	require.Len(t, got.Columns, len(want.Columns))
	for i := range want.Columns {
		require.Equal(t, []any{want.Columns[i].Name, want.Columns[i].Type}, []any{got.Columns[i].Name, got.Columns[i].Type})
	}
	ours, err := local.History(t.Context(), "central", "types", 0)
	require.NoError(t, err)
	theirs, err := remote.History(t.Context(), schema, "types", 0)
	require.NoError(t, err)
	require.Len(t, theirs, len(ours))
	for i := range ours {
		require.Equal(t, []any{ours[i].Version, ours[i].Operation, ours[i].Time.UTC(), ours[i].Metrics["numTargetRowsUpdated"]},
			[]any{theirs[i].Version, theirs[i].Operation, theirs[i].Time.UTC(), theirs[i].Metrics["numTargetRowsUpdated"]})
	}
}

// mergeNewRow merges a row of the odd client through Spark.
func mergeNewRow(t *testing.T, remote lake.Lake, schema string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.parquet")
	db, err := sql.Open("duckdb", "")
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), fmt.Sprintf("COPY (SELECT 9::INTEGER AS id, 'from Spark' AS vc, %s AS client_id, 'eu' AS region) TO %s (FORMAT parquet)",
		table.Literal(oddClient), table.Literal(path)))
	require.NoError(t, err)
	staged, err := remote.Stage(t.Context(), schema, []table.File{{Path: path, Rows: 1, Bytes: 1}})
	require.NoError(t, err)
	merged, err := remote.Merge(t.Context(), []table.Batch{{
		ID: schema, Ref: table.Ref{Sync: "daily", Client: oddClient, Region: "eu", Schema: schema, Table: "types"}, Keys: []string{"id"}, Files: staged, Rows: 1,
		Schema: table.Schema{{Name: "id", Type: table.Integer}, {Name: "vc", Type: table.String}, {Name: table.ClientColumn, Type: table.String}, {Name: table.RegionColumn, Type: table.String}},
		Window: table.Window{Kind: table.CursorInteger, Low: "0"}, PartitionBy: []string{table.RegionColumn, table.ClientColumn},
	}})
	require.NoError(t, err)
	require.EqualValues(t, 1, merged[0].Inserted)
}

// requireProtocol requires that no commit has raised the table's protocol above reader 1 and writer 2.
func requireProtocol(t *testing.T, path string) {
	t.Helper()
	commits, err := filepath.Glob(filepath.Join(path, "_delta_log", "*.json"))
	require.NoError(t, err)
	seen := 0
	for _, commit := range commits {
		file, err := os.Open(commit)
		require.NoError(t, err)
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var action struct {
				Protocol *struct{ MinReaderVersion, MinWriterVersion int }
			}
			require.NoError(t, json.Unmarshal(lines.Bytes(), &action))
			if action.Protocol != nil {
				seen++
				require.Equal(t, []int{1, 2}, []int{action.Protocol.MinReaderVersion, action.Protocol.MinWriterVersion}, commit)
			}
		}
		require.NoError(t, lines.Err())
		require.NoError(t, file.Close())
	}
	require.Positive(t, seen)
}
