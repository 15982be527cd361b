package mariadb

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// inChunks opens the client's server with chunks that small.
func (f *fixture) inChunks(rows int64) *Source {
	f.Helper()
	s := f.open()
	s.chunking = chunking{rows: rows, bytes: 1 << 40, most: 512}
	return s
}

// extract plans and reads a table with s, which must work, and returns how many chunks it had.
func (f *fixture) extract(s *Source, spec table.Spec, dir string) (raw table.Raw, chunks int) {
	f.Helper()
	raw, err := s.Extract(f.Context(), ExtractRequest{
		Spec: spec, Plan: f.plan(s, spec), Dir: dir, Chunks: func(_, total int) { chunks = total },
	})
	require.NoError(f, err)
	return raw, chunks
}

// TestChunksAreTheWholeTable reads tables of every kind of key in chunks and in one piece.
func TestChunksAreTheWholeTable(t *testing.T) {
	const n = 4000
	for _, c := range []struct {
		name, columns, key string
		rows               string // of seq_1_to_4000
		least              int    // chunks
	}{
		{"int", "id int", "id", "seq", 6},
		{"negative and positive", "id bigint", "id", "(cast(seq as signed) - 2000) * 1000003", 6},
		{"beyond signed", "id bigint unsigned", "id", "18446744073709551615 - seq * 3", 6},
		{"with gaps and far ends", "id bigint", "id", "case seq when 1 then -9223372036854775808 when 2 then 9223372036854775807 else seq * 7 + (seq > 2000) * 1000000000000 end", 6},
		{"skewed", "id bigint", "id", "floor(pow(1.01, seq)) + seq", 6},
		{"decimal", "id decimal(30,4)", "id", "(cast(seq as signed) - 2000) * 12345678901234567890.0001", 6},
		{"decimal without fraction", "id decimal(25,0)", "id", "seq * 1234567890123456789.0", 6},
		{"date", "id date, n int", "id, n", "date_add('1999-12-31', interval seq div 3 day), seq", 6},
		{"zero and impossible dates", "id date, n int", "id, n", "case when seq < 500 then '0000-00-00' when seq < 600 then '2024-02-30' else date_add('1999-12-31', interval seq div 3 day) end, seq", 3},
		{"datetime", "id datetime(6)", "id", "date_add('1999-12-31', interval seq * 1000001 microsecond)", 6},
		{"timestamp", "id timestamp(3)", "id", "date_add('1999-12-31', interval seq * 1001000 microsecond)", 6},
		{"text", "id varchar(40) character set utf8mb4 collate utf8mb4_unicode_ci", "id", "concat(substr(md5(seq), 1, 5), '-', seq)", 6},
		{"text of digits", "id varchar(40) character set utf8mb4", "id", "concat('customer-', seq)", 6},
		{"text by bytes", "id varchar(40) character set utf8mb4 collate utf8mb4_bin", "id", "concat(char(65 + seq % 58), seq)", 6},
		{"text of latin1", "id varchar(40) character set latin1 collate latin1_german2_ci", "id",
			"concat(elt(1 + seq % 5, 'ä', 'ß', 'Z', 'a', 'ÿ'), seq)", 6},
		{"text of utf16", "id char(40) character set utf16", "id", "concat(elt(1 + seq % 5, 'ä', 'Ж', 'Z', 'a', 'ÿ'), seq)", 6},
		{"text of cyrillic", "id varchar(40) character set cp1251", "id", "concat(elt(1 + seq % 5, 'Ж', 'Я', 'б', 'a', 'ё'), seq)", 6},
		{"emoji and other scripts", "id varchar(40) character set utf8mb4 collate utf8mb4_unicode_520_ci", "id",
			"concat(elt(1 + seq % 6, '😀', '漢', 'ß', 'ä', '', ' '), seq)", 6},
		{"trailing spaces that count", "id varchar(40) character set utf8mb4 collate utf8mb4_nopad_bin", "id",
			"concat('k', seq div 4, repeat(' ', seq % 4))", 6},
		{"quotes and backslashes", "id varchar(40) character set utf8mb4", "id", `concat(elt(1 + seq % 4, '''', '\\', '"', '%'), seq)`, 6},
		{"char", "id char(20) character set utf8mb4", "id", "hex(seq * 12345)", 6},
		{"binary", "id binary(16)", "id", "unhex(md5(seq))", 6},
		{"varbinary", "id varbinary(16)", "id", "unhex(substr(md5(seq), 1, 2 * (1 + seq % 3) + 8))", 6},
		{"uuid of random", "id uuid", "id", "insert(insert(md5(seq), 13, 1, '4'), 17, 1, 'a')", 4},
		{"uuid of time", "id uuid", "id", "concat(lpad(hex(seq * 100000), 8, '0'), '-1234-11ee-8899-0242ac120002')", 6},
		{"int and text", "a int, b varchar(20)", "a, b", "seq % 7, concat('k', seq)", 6},
		{"one tenant of all", "a int, b int", "a, b", "1, seq", 6},
		{"text that differs by case alone, and int", "a varchar(9) character set utf8mb4 collate utf8mb4_general_ci, b int", "a, b", "elt(1 + seq % 2, 'a', 'A'), seq", 6},
		{"three columns", "a int, b date, c varchar(20)", "a, b, c", "seq % 2, date_add('2020-01-01', interval seq % 5 day), seq", 6},
		{"a column that cannot be cut behind one that can", "a int, b enum('x','y'), c int", "a, b, c", "seq div 100, 1 + seq % 2, seq", 6},
		{"not by an enum", "a enum('x','y'), b int", "a, b", "1 + seq % 2, seq", 1},
		{"not by a float", "a double", "a", "seq", 1},
		{"not by the beginning of a text", "a text, n int", "a(10)", "concat(seq, '-'), seq", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t, "create table t ("+c.columns+", v int not null default 7, primary key ("+c.key+"))",
				"set statement sql_mode = 'ALLOW_INVALID_DATES' for insert into t ("+insertable(c.columns)+") select "+c.rows+" from seq_1_to_4000", "analyze table t")
			spec := table.Spec{Name: "t"}
			if c.name == "not by the beginning of a text" {
				spec.IDs = []string{"n"}
				f.exec("alter table t modify n int not null")
			}
			whole, chunks := f.extract(f.open(), spec, t.TempDir())
			require.Equal(t, 1, chunks)
			require.EqualValues(t, n, whole.Rows)
			raw, chunks := f.extract(f.inChunks(n/8), spec, t.TempDir())
			assert.GreaterOrEqual(t, chunks, c.least)
			assert.LessOrEqual(t, chunks, 60)
			assert.Equal(t, f.rows(whole), f.rows(raw))
			assert.Equal(t, whole.ZeroDates, raw.ZeroDates)
		})
	}
}

// insertable are the names of column definitions.
func insertable(columns string) string {
	var names []byte
	depth, word := 0, true
	for _, r := range columns {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			names, word = append(names, ','), true
			continue
		case r == ' ' && len(names) > 0 && names[len(names)-1] != ',':
			word = false
		}
		if word && r != ' ' {
			names = append(names, byte(r))
		}
	}
	return string(names)
}

// TestChunksAreInTheOrderOfTheKey: what reads the files proves by it that ids are unique.
func TestChunksAreInTheOrderOfTheKey(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t select seq * 3 from seq_1_to_20000", "analyze table t")
	f.client.Limits.TableConnections = 4
	raw, chunks := f.extract(f.inChunks(1000), table.Spec{Name: "t"}, t.TempDir())
	require.Greater(t, chunks, 10)
	last := int32(0)
	for _, path := range raw.Files {
		for _, id := range f.ints(path) {
			require.Equal(t, last+3, id)
			last = id
		}
	}
}

// ints are the values of a file's first column.
func (f *fixture) ints(path string) (values []int32) {
	f.Helper()
	f.batches(path, func(batch arrow.RecordBatch) {
		values = append(values, batch.Column(0).(interface{ Int32Values() []int32 }).Int32Values()...)
	})
	return values
}

func TestSmallTablesAreReadInOnePiece(t *testing.T) {
	f := newFixture(t, "create table none (id int primary key)", "create table one (id int primary key)", "insert into one values (1)",
		"create table bare (id int not null)", "insert into bare select seq from seq_1_to_5000", "analyze table bare",
		"create table aria (id int primary key) engine=aria", "insert into aria select seq from seq_1_to_5000",
		"create table big (id int primary key, v int)", "insert into big select seq, seq from seq_1_to_5000", "analyze table big",
		"create view seen as select * from big")
	s := f.inChunks(500)
	for name, rows := range map[string]int64{"none": 0, "one": 1, "bare": 5000, "aria": 5000, "seen": 5000} {
		raw, chunks := f.extract(s, table.Spec{Name: name, IDs: []string{"id"}}, t.TempDir())
		assert.Equal(t, 1, chunks, name)
		assert.Equal(t, rows, raw.Rows, name)
		assert.NotEmpty(t, raw.Files, name)
	}
	_, chunks := f.extract(s, table.Spec{Name: "big"}, t.TempDir())
	assert.Greater(t, chunks, 5)
}

func TestChunksKeepToTheWindowAndTheWhere(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime(6), v int, key (at))",
		"insert into t select seq, if(seq % 10 = 0, null, date_add('2024-01-01', interval seq second)), seq % 2 from seq_1_to_5000", "analyze table t",
		"insert into t values (0, date_add(now(), interval 5 day), 1)")
	for _, onNull := range []string{table.NullInclude, table.NullExclude} {
		spec := table.Spec{Name: "t", Cursor: "at", OnNullCursor: onNull, Where: "v = 1 or id % 5 = 0 -- all"}
		whole, _ := f.extract(f.open(), spec, t.TempDir())
		raw, chunks := f.extract(f.inChunks(500), spec, t.TempDir())
		assert.Greater(t, chunks, 5)
		assert.Equal(t, f.rows(whole), f.rows(raw), onNull)
		assert.NotEmpty(t, raw.Watermark)
	}
	plan := f.plan(f.open(), table.Spec{Name: "t", Cursor: "at"})
	plan.Watermark = "2024-01-01 00:10:00.000000"
	var chunks int
	_, err := f.inChunks(500).Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t", Cursor: "at"}, Plan: plan, Dir: t.TempDir(),
		Chunks: func(_, total int) { chunks = total }})
	require.NoError(t, err)
	assert.Equal(t, 1, chunks, "a window of an index")
}

func TestChunksOfPartitionedAndVersionedTables(t *testing.T) {
	f := newFixture(t, "create table parts (id int primary key, v int) partition by hash(id) partitions 4", "insert into parts select seq, seq from seq_1_to_5000",
		"create table versions (id int primary key, v int) with system versioning", "insert into versions select seq, seq from seq_1_to_5000",
		"update versions set v = v + 1 where id % 3 = 0", "delete from versions where id > 4900", "analyze table parts, versions")
	for name, n := range map[string]int64{"parts": 5000, "versions": 4900} {
		whole, _ := f.extract(f.open(), table.Spec{Name: name}, t.TempDir())
		raw, chunks := f.extract(f.inChunks(500), table.Spec{Name: name}, t.TempDir())
		assert.Greater(t, chunks, 4, name)
		assert.Equal(t, n, raw.Rows, name)
		assert.Equal(t, f.rows(whole), f.rows(raw), name)
	}
}

// TestLargeReadsLeaveConnectionsToOthers occupies every connection of the client with one table.
func TestLargeReadsLeaveConnectionsToOthers(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime not null)", "insert into t select seq, '2024-01-01' from seq_1_to_4000", "analyze table t")
	f.client.Limits = table.Limits{Connections: 2, TableConnections: 2}
	s := f.inChunks(200)
	// Nobody gets beyond a gate before it opens: the first is in the first chunks, the second far behind them.
	gate := func(name string) string {
		name = "'" + name + f.database + "'"
		return "get_lock(" + name + ", 600) + release_lock(" + name + ") = 2"
	}
	spec := table.Spec{Name: "t", Cursor: "at", Where: "if(id <= 2000, " + gate("first") + ", " + gate("last") + ")"}
	plan := f.plan(s, spec)
	first, last := f.connection("do get_lock('first"+f.database+"', 0)"), f.connection("do get_lock('last"+f.database+"', 0)")
	result, pinged := make(chan error, 1), make(chan error, 1)
	dir := t.TempDir()
	go func() {
		_, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: plan, Dir: dir})
		result <- err
	}()
	db := server.Open(t, f.database)
	f.eventually(func() (both bool) {
		require.NoError(t, db.QueryRow("select count(*) = 2 from information_schema.processlist where state = 'User lock' and db = database()").Scan(&both))
		return both
	})
	waits := s.db.Stats().WaitCount
	go func() {
		_, err := s.Ping(t.Context())
		pinged <- err
	}()
	f.eventually(func() bool { return s.db.Stats().WaitCount > waits })
	f.on(first, "do release_lock('first"+f.database+"')")
	select {
	case err := <-pinged:
		require.NoError(t, err)
	case err := <-result:
		t.Fatalf("the table was read to its end, with the last gate closed: %v", err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the others have to wait until the whole table is read")
	}
	f.on(last, "do release_lock('last"+f.database+"')")
	require.NoError(t, <-result)
}

// TestSpansAreDisjointAndComplete asks the server itself, for random bounds.
func TestSpansAreDisjointAndComplete(t *testing.T) {
	f := newFixture(t, "create table t (a varchar(9) character set utf8mb4 collate utf8mb4_unicode_ci, b int, c varbinary(4), primary key (a,b,c))",
		"insert into t select elt(1 + seq % 7, 'a', 'Ä', 'ab', 'B ', '', 'ß', 'z'), seq % 11, unhex(substr(md5(seq), 1, 8)) from seq_1_to_500")
	key := []keyColumn{{name: "a", kind: keyText, charset: "utf8mb4"}, {name: "b", kind: keyInteger}, {name: "c", kind: keyBinary}}
	db := server.Open(t, f.database)
	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		values := bound{[]string{"61", "C384", "7A", "42", "5A20"}[random.IntN(5)], fmt.Sprint(random.IntN(12)), fmt.Sprintf("%02X", random.IntN(256))}
		at := values[:1+random.IntN(3)]
		low, err := span{High: at}.condition(key)
		require.NoError(t, err)
		high, err := span{Low: at}.condition(key)
		require.NoError(t, err)
		var wrong int
		require.NoError(t, db.QueryRow("select count(*) from t where ("+low+") is null or ("+high+") is null or ("+low+") = ("+high+")").Scan(&wrong))
		require.Zero(t, wrong, "%s | %s", low, high)
	}
}

func TestBoundsCarryNoSQL(t *testing.T) {
	for kind, value := range map[keyKind]string{
		keyInteger: "1 or 1", keyDecimal: "1.0'", keyDate: "2024-01-01'", keyTime: "2024-01-01 00:00:00' or '", keyText: "4'", keyBinary: "zz", keyUUID: "'", keyNone: "1",
	} {
		_, err := span{Low: bound{value}}.condition([]keyColumn{{name: "id", kind: kind, charset: "utf8mb4"}})
		require.Error(t, err, value)
	}
	_, err := span{Low: bound{"1", "2"}}.condition([]keyColumn{{name: "id", kind: keyInteger}})
	require.Error(t, err)
}
