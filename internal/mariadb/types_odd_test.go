package mariadb

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

// TestDamagedTexts has bytes in text columns that are none of their character set, as they get there when a database was
// restored or converted wrongly. In utf8mb3 and ascii, the server would send question marks for them.
func TestDamagedTexts(t *testing.T) {
	own := testserver.MariaDB(t, testserver.Private()) // its data folder is on this machine
	f := &fixture{T: t, database: own.Database(t, "damaged"), client: table.Client{ID: "acme", Host: own.Host, Port: own.Port, User: own.User}}
	f.client.Database = f.database
	var dir string
	require.NoError(t, own.Open(t, "").QueryRow("select @@datadir").Scan(&dir))
	own.ExecIn(t, f.database, "create table raw (id int primary key, v varbinary(60)) engine=myisam",
		"insert into raw values (1, 'jane'), (2, x'61ff62'), (3, x'eda080')", "flush tables")
	s, err := Open(f.client, own.Password)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	for name, declared := range map[string]string{"a": "varchar(15) charset utf8mb4", "b": "varchar(20) charset utf8mb3", "c": "varchar(60) charset ascii"} {
		t.Run(declared, func(t *testing.T) {
			own.ExecIn(t, f.database, "create table "+name+" (id int primary key, v "+declared+") engine=myisam", "flush tables")
			for _, end := range []string{".MYD", ".MYI"} {
				bytes, err := os.ReadFile(filepath.Join(dir, f.database, "raw"+end))
				require.NoError(t, err)
				require.NoError(t, os.WriteFile(filepath.Join(dir, f.database, name+end), bytes, 0o600))
			}
			own.ExecIn(t, f.database, "flush tables")
			read := func(spec table.Spec) (table.Raw, error) {
				return s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir()})
			}
			for _, id := range []string{"2", "3"} {
				_, err = read(table.Spec{Name: name, Where: "id in (1, " + id + ")"})
				require.ErrorIs(t, err, ErrValue)
				assert.ErrorContains(t, err, `column "v"`)
				assert.ErrorContains(t, err, "no valid UTF-8")
			}
			raw, err := read(table.Spec{Name: name, Where: "id = 1"})
			require.NoError(t, err)
			assert.Equal(t, [][]string{{"1", "jane"}}, f.rows(raw))
			raw, err = read(table.Spec{Name: name, Types: map[string]table.Type{"v": table.Binary}})
			require.NoError(t, err)
			assert.Equal(t, [][]string{{"1", "amFuZQ=="}, {"2", "Yf9i"}, {"3", "7aCA"}}, f.rows(raw), "the bytes as they are stored")
		})
	}
}

// TestLongTextsUnderASmallPacketLimit has values longer than the server's max_allowed_packet, of which many of its
// functions make NULL.
func TestLongTextsUnderASmallPacketLimit(t *testing.T) {
	own := testserver.MariaDB(t, testserver.Private())
	f := &fixture{T: t, database: own.Database(t, "long"), client: table.Client{ID: "acme", Host: own.Host, Port: own.Port, User: own.User}}
	f.client.Database = f.database
	own.ExecIn(t, f.database, "create table t (id int primary key, a longtext charset utf8mb3, b longtext charset latin1, c longblob, d linestring)",
		"set group_concat_max_len = 9000000; insert into t select 1, repeat('ü', 1500000), repeat('ü', 1500000), repeat('c', 3000000), st_linestringfromtext(concat('linestring(', group_concat(seq, ' ', seq), ')')) from seq_1_to_100000",
		"set global max_allowed_packet = 1048576")
	s, err := Open(f.client, own.Password)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	spec := table.Spec{Name: "t", Types: map[string]table.Type{"b": table.Binary, "c": table.String}}
	raw, err := s.Extract(t.Context(), ExtractRequest{Spec: spec, Plan: f.plan(s, spec), Dir: t.TempDir()})
	require.NoError(t, err)
	var sizes []int
	f.batches(raw.Files[0], func(batch arrow.RecordBatch) {
		for i := 1; i < 5 && batch.NumRows() > 0; i++ {
			switch v := batch.Column(i).(type) {
			case *array.String:
				sizes = append(sizes, len(v.Value(0)))
			case *array.Binary:
				sizes = append(sizes, len(v.Value(0)))
			}
		}
	})
	assert.Equal(t, []int{3000000, 1500000, 3000000, 9 + 16*100000}, sizes)
}

func TestSystemVersionedTablesAreReadAsTheyAreNow(t *testing.T) {
	f := newFixture(t,
		"create table plain (id int primary key, v int) with system versioning",
		"insert into plain values (1, 1), (2, 2); update plain set v = 3; delete from plain where id = 2",
		"create table own (id int primary key, v int, began timestamp(6) generated always as row start invisible, ended timestamp(6) generated always as row end, period for system_time (began, ended)) with system versioning",
		"insert into own (id, v) values (1, 1), (2, 2); update own set v = 3; delete from own where id = 2")
	_, rows := f.run(table.Spec{Name: "plain"}, "")
	assert.Equal(t, [][]string{{"1", "3"}}, rows)
	_, rows = f.run(table.Spec{Name: "own", Columns: []string{"v"}, Cursor: "began"}, "")
	require.Len(t, rows, 1)
	assert.Equal(t, []string{"1", "3"}, rows[0][:2])
	assert.Equal(t, []string{"id"}, f.plan(f.open(), table.Spec{Name: "own"}).IDs, "the end of the current version is no key")
}

func TestViewsAndSequences(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v varchar(9) charset utf8mb3)", "insert into t values (1, 'é')", "create view w as select id, upper(v) v from t", "create sequence s")
	t.Run("OK view with ids", func(t *testing.T) {
		_, rows := f.run(table.Spec{Name: "w", IDs: []string{"id"}}, "")
		assert.Equal(t, [][]string{{"1", "É"}}, rows)
	})
	for _, name := range []string{"w", "s"} {
		t.Run("Err without ids: "+name, func(t *testing.T) {
			err := f.planError(table.Spec{Name: name})
			require.ErrorIs(t, err, ErrUnsupported)
			assert.ErrorContains(t, err, "name the columns that tell rows apart in ids")
		})
	}
	t.Run("OK sequence with ids", func(t *testing.T) {
		_, rows := f.run(table.Spec{Name: "s", IDs: []string{"start_value"}, Columns: []string{"next_not_cached_value"}}, "")
		assert.Equal(t, [][]string{{"1", "1"}}, rows)
	})
}
