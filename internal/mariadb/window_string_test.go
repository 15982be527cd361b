package mariadb

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestStringWindow(t *testing.T) {
	f := newFixture(t, "create table t (id varchar(26) character set ascii collate ascii_bin primary key, v int, key (v))",
		"insert into t values ('01HA',1),('01HB',2),('01HC',3),('01H''D',0)")
	spec := table.Spec{Name: "t", Cursor: "id"}
	t.Run("OK", func(t *testing.T) {
		raw, rows := f.run(spec, "")
		assert.Len(t, rows, 4)
		assert.Equal(t, table.Window{Kind: table.CursorString}, raw.Window)
		assert.Equal(t, "'01HC'", raw.Watermark)
		raw, rows = f.run(spec, raw.Watermark)
		assert.Equal(t, "01HC", column(rows, 0), "the largest is read again: another may be equal, in a cursor that is no key")
		assert.Equal(t, "'01HC'", raw.Window.Low)
	})
	t.Run("OK the overlap is a number of rows", func(t *testing.T) {
		spec := spec
		spec.OverlapRows = 2
		raw, rows := f.run(spec, "'01HC'")
		assert.Equal(t, "01HA|01HB|01HC", column(rows, 0))
		assert.Equal(t, "'01HA'", raw.Window.Low)
		spec.OverlapRows = 100
		raw, rows = f.run(spec, "'01HC'")
		assert.Len(t, rows, 4)
		assert.Empty(t, raw.Window.Low)
	})
	t.Run("OK a watermark of the cursor that the table had before: everything is read", func(t *testing.T) {
		for _, mark := range []string{"2026-01-01 00:00:00.000000", "42", "2026-01-01"} {
			raw, rows := f.run(spec, mark)
			assert.Len(t, rows, 4)
			assert.Empty(t, raw.Window.Low)
		}
		_, rows := f.run(table.Spec{Name: "t", Cursor: "v"}, "'01HC'")
		assert.Len(t, rows, 4)
	})
	t.Run("OK a backfill, with a quote in a bound", func(t *testing.T) {
		raw, err := f.try(spec, "", "'01H'D'", "'01HB'")
		require.NoError(t, err)
		assert.Equal(t, "01H'D|01HA", column(f.rows(raw), 0))
		raw, err = f.try(spec, "", "'01HB'", "")
		require.NoError(t, err)
		assert.Equal(t, "01HB|01HC", column(f.rows(raw), 0))
		assert.Empty(t, raw.Watermark)
		_, err = f.try(spec, "", "01HB", "")
		require.ErrorIs(t, err, ErrValue)
	})
	t.Run("OK an empty table teaches nothing", func(t *testing.T) {
		f.exec("delete from t")
		raw, _ := f.run(spec, "'01HC'")
		assert.Empty(t, raw.Watermark)
	})
}

// TestStringWindowsLeaveNoGapInAnyCollation reads each row once at least, whatever order the column has: windows are in
// the server's order, and not in that of bytes.
func TestStringWindowsLeaveNoGapInAnyCollation(t *testing.T) {
	values := []string{"b1", "A0", "a1", "Z", "ä", "9"}
	for _, columnType := range []string{
		"varchar(20) collate utf8mb4_bin", "varchar(20) collate utf8mb4_general_ci", "varchar(20) collate utf8mb4_unicode_ci",
		"char(20) character set latin1 collate latin1_swedish_ci",
	} {
		t.Run(columnType, func(t *testing.T) {
			f := newFixture(t, "create table t (id int primary key auto_increment, s "+columnType+" null, key (s))")
			spec := table.Spec{Name: "t", Cursor: "s", OnNullCursor: table.NullExclude}
			for _, value := range values {
				f.exec("insert into t (s) values ('" + value + "')")
			}
			f.exec("insert into t (s) values (null)", "alter table t rename all_rows", "create table t like all_rows")
			seen, watermark := map[string]bool{}, ""
			for i := range values { // they arrive in the column's own order
				f.exec(fmt.Sprintf("insert into t select * from all_rows where s is not null order by s limit 1 offset %d", i))
				raw, rows := f.run(spec, watermark)
				require.NotEmpty(t, raw.Watermark)
				watermark = raw.Watermark
				for _, row := range rows {
					seen[row[0]] = true
				}
			}
			assert.Len(t, seen, len(values))
		})
	}
}

func TestUUIDCursor(t *testing.T) {
	f := newFixture(t, "create table t (id uuid primary key, v int)",
		"insert into t values ('0192f3a0-0000-7000-8000-000000000001',1),('0192f3a0-0000-7000-8000-000000000002',2)")
	spec := table.Spec{Name: "t", Cursor: "id"}
	raw, _ := f.run(spec, "")
	f.exec("insert into t values ('0192f3a0-0000-7000-8000-000000000003',3)")
	_, rows := f.run(spec, raw.Watermark)
	assert.Contains(t, column(rows, 1), "3")
}
