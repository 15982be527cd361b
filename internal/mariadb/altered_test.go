package mariadb

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestTablesAlteredBetweenTheirChunks alters a table once some of its chunks are read.
func TestTablesAlteredBetweenTheirChunks(t *testing.T) {
	for name, c := range map[string]struct {
		alter string
		err   error // of the attempt that it meets
		says  string
		then  error // of the next one
	}{
		"Err names change places":  {"alter table t rename column a to b, rename column b to a", ErrAltered, "not of the same table", nil},
		"Err another type":         {"alter table t modify a varchar(20) not null", ErrAltered, `"a"`, nil},
		"Err a value that is none": {"alter table t modify a int null; update t set a = null", ErrAltered, `"a"`, nil},
		"Err a column is dropped":  {"alter table t drop a", ErrAltered, "'a'", nil},
		"Err the key is dropped":   {"alter table t drop id", ErrAltered, "PRIMARY", ErrUnsupported},
		"Err dropped":              {"drop table t", ErrAltered, "doesn't exist", ErrMissing},
		"Err another one of that name": {"do sleep(1.1); create or replace table t (id int primary key, a int not null, b int not null, at datetime not null, key (at)); " +
			"insert into t select seq, seq, 1, '2024-01-01' from seq_4001_to_8000; analyze table t", ErrAltered, "not of the same table", nil},
		"OK nothing": {"do 1", nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, "create table t (id int primary key, a int not null, b int not null, at datetime not null, key (at))",
				"insert into t select seq, seq, -cast(seq as signed), '2024-01-01' from seq_1_to_4000", "analyze table t")
			f.client.Limits.TableConnections = 1
			s, spec, dir := f.inChunks(500), table.Spec{Name: "t", Cursor: "at"}, t.TempDir()
			req := ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: dir}
			req.Chunks = func(done, total int) {
				require.Greater(t, total, 4)
				if done == 2 {
					f.exec(strings.Split(c.alter, "; ")...)
				}
			}
			raw, err := s.Extract(t.Context(), req)
			if c.err == nil {
				require.NoError(t, err)
				require.Len(t, f.rows(raw), 4000)
				return
			}
			require.ErrorIs(t, err, c.err)
			for _, text := range []string{`client "acme"`, `table "t"`, c.says} {
				assert.ErrorContains(t, err, text)
			}
			for _, permanent := range []error{ErrDenied, ErrMissing, ErrUnsupported, ErrQuery, ErrValue, ErrLimit} {
				require.NotErrorIs(t, err, permanent)
			}
			assert.Zero(t, raw)
			assert.Empty(t, leftovers(t, dir), "nothing of before is used again")
			planned, err := s.Plan(t.Context(), []table.Spec{spec})
			require.NoError(t, err)
			if require.ErrorIs(t, planned[0].Err, c.then); c.then != nil {
				return
			}
			raw, err = s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: planned[0].Plan, Dir: dir})
			require.NoError(t, err)
			require.Len(t, f.rows(raw), 4000)
		})
	}
}

// TestSnapshotsOfAlteredTables has a table altered after its snapshot was taken and before a connection first reads it.
func TestSnapshotsOfAlteredTables(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v int not null)", "insert into t values (1, 1)")
	e := sharing(t, f.open())
	require.NoError(t, e.session.begin())
	f.exec("alter table t add w int not null default 7, algorithm = copy")
	_, err := e.session.conn.ExecContext(t.Context(), "select * from t")
	require.ErrorIs(t, classify(err), ErrAltered)
}

// TestTablesThatStayLocked waits for a second where the wait is otherwise of minutes.
func TestTablesThatStayLocked(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t values (1)")
	f.client.Connections = 1
	s, spec := f.open(), table.Spec{Name: "t"}
	req := ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir()}
	var wait int
	require.NoError(t, s.db.QueryRow("select @@lock_wait_timeout").Scan(&wait))
	require.Equal(t, 600, wait)
	_, err := s.db.Exec("set lock_wait_timeout = 1") // on the one connection there is
	require.NoError(t, err)
	locker, err := server.Open(t, f.database).Conn(t.Context())
	require.NoError(t, err)
	defer locker.Close()
	_, err = locker.ExecContext(t.Context(), "lock tables t write")
	require.NoError(t, err)
	_, err = s.Extract(t.Context(), req)
	require.ErrorContains(t, err, `client "acme", table "t": somebody keeps the table locked`)
	_, err = locker.ExecContext(t.Context(), "unlock tables")
	require.NoError(t, err)
	raw, err := s.Extract(t.Context(), req)
	require.NoError(t, err)
	require.EqualValues(t, 1, raw.Rows)
}

// TestKeysInChunksAreOfTheSameTable reads the ids of a table whose spec only its cursor completes.
func TestKeysInChunksAreOfTheSameTable(t *testing.T) {
	f := newFixture(t, "create table t (a int not null, id int primary key, v varchar(9) character set latin1 null, at datetime not null)",
		"insert into t select 1, seq, 'x', '2024-01-01' from seq_1_to_4000", "analyze table t")
	spec := table.Spec{Name: "t", Cursor: "at", Columns: []string{"v"}, Rename: map[string]string{"at": "changed"}}
	s, chunks := f.inChunks(500), 0
	raw, err := s.ExtractKeys(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir(), Chunks: func(_, total int) { chunks = total }})
	require.NoError(t, err)
	require.Greater(t, chunks, 4)
	require.Len(t, f.rows(raw), 4000)
}

func TestColumnsThatAreTheSame(t *testing.T) {
	read := []table.SourceColumn{{Source: "id", SourceType: "int(11)"}, {Source: "v", SourceType: "varchar(9)", Charset: "latin1", Nullable: true}, {Source: "w", SourceType: "text"}}
	now := func(columns ...sourceColumn) *sourceTable { return &sourceTable{columns: columns} }
	id := sourceColumn{name: "id", columnType: "int(11)"}
	v := sourceColumn{name: "v", columnType: "varchar(9)", charset: "latin1"}
	w := sourceColumn{name: "w", columnType: "text", charset: "utf8mb4", comment: "new"}
	other := sourceColumn{name: "other", columnType: "int(11)"}
	assert.True(t, sameColumns(read, now(id, v, w)), "NULL is no longer allowed: no row has it")
	assert.True(t, sameColumns(read, now(other, id, v, other, w, other)))
	changed := func(c sourceColumn, change func(*sourceColumn)) sourceColumn { change(&c); return c }
	for name, table := range map[string]*sourceTable{
		"dropped": nil, "empty": now(), "a column is gone": now(id, w), "another order": now(v, id, w),
		"another type":         now(changed(id, func(c *sourceColumn) { c.columnType = "bigint(20)" }), v, w),
		"NULL":                 now(changed(id, func(c *sourceColumn) { c.nullable = true }), v, w),
		"another encoding":     now(id, changed(v, func(c *sourceColumn) { c.charset = "utf8mb4" }), w),
		"not utf8mb4 any more": now(id, v, changed(w, func(c *sourceColumn) { c.charset = "latin1" })),
	} {
		assert.False(t, sameColumns(read, table), name)
	}
}
