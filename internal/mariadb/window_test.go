package mariadb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestTimeWindow(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at timestamp(6) null, key (at))",
		"insert into t values (1,'2024-01-01 10:00:00'),(2,'2024-01-01 10:10:00'),(3,'2024-01-01 10:10:00'),(4,'2024-01-01 10:10:00.000001'),"+
			"(5,null),(6,timestampadd(hour,1,utc_timestamp()))")
	f.exec("set time_zone='+00:00'; update t set at='2024-01-01 10:00:00' where id=1; update t set at='2024-01-01 10:10:00' where id in (2,3);" +
		"update t set at='2024-01-01 10:10:00.000001' where id=4; update t set at=timestampadd(hour,1,utc_timestamp()) where id=6")
	spec := table.Spec{Name: "t", Cursor: "at", OnNullCursor: table.NullExclude}

	t.Run("OK a first run has no low, and leaves the future for later", func(t *testing.T) {
		raw, rows := f.run(spec, "")
		assert.Equal(t, "1|2|3|4", column(rows, 0))
		assert.Empty(t, raw.Window.Low)
		assert.GreaterOrEqual(t, raw.Window.High, raw.Watermark)
		assert.Equal(t, table.CursorTime, raw.Window.Kind)
		_, err := time.Parse(timeLayout, raw.Watermark)
		assert.NoError(t, err)
	})
	t.Run("OK low is included, equal timestamps come together", func(t *testing.T) {
		_, rows := f.run(spec, "2024-01-01 10:10:00.000000")
		assert.Equal(t, "2|3|4", column(rows, 0))
		_, rows = f.run(spec, "2024-01-01 10:10:00.000001")
		assert.Equal(t, "4", column(rows, 0))
		_, rows = f.run(spec, "2024-01-01 10:10:00.000002")
		assert.Empty(t, rows)
	})
	t.Run("OK the overlap goes back from the watermark", func(t *testing.T) {
		spec := spec
		spec.Overlap = 10 * time.Minute
		raw, rows := f.run(spec, "2024-01-01 10:10:00.000000")
		assert.Equal(t, "1|2|3|4", column(rows, 0))
		assert.Equal(t, "2024-01-01 10:00:00.000000", raw.Window.Low)
	})
	t.Run("OK the overlap covers clocks that lag by it, where the cursor is cut to whole seconds", func(t *testing.T) {
		f := newFixture(t, "create table t (id int primary key, at datetime null)", "insert into t values (1,'2024-01-01 10:10:08.9'),(2,'2024-01-01 10:10:09.6')")
		spec := spec
		spec.Overlap = 500 * time.Millisecond // the mark was cut too: row 2 may have been written at 10:10:10.1, after it
		_, rows := f.run(spec, "2024-01-01 10:10:10.000000")
		assert.Equal(t, "2", column(rows, 0))
	})
	t.Run("OK a clock set back reads everything once", func(t *testing.T) {
		raw, rows := f.run(spec, "2999-01-01 00:00:00.000000")
		assert.Equal(t, "1|2|3|4", column(rows, 0))
		assert.Empty(t, raw.Window.Low)
		assert.Less(t, raw.Watermark, "2999")
	})
	t.Run("OK a backfill reads [from, to), no NULLs, and learns nothing", func(t *testing.T) {
		spec := spec
		spec.OnNullCursor = table.NullInclude
		raw, err := f.try(spec, "2024-06-01 00:00:00.000000", "2024-01-01 10:00:00.000000", "2024-01-01 10:10:00.000001")
		require.NoError(t, err)
		assert.Equal(t, "1|2|3", column(f.rows(raw), 0))
		assert.Empty(t, raw.Watermark)
		raw, err = f.try(spec, "", "", "2024-01-01 10:10:00.000000")
		require.NoError(t, err)
		assert.Equal(t, "1", column(f.rows(raw), 0))
		raw, err = f.try(spec, "", "2024-01-01 10:10:00.000001", "")
		require.NoError(t, err)
		assert.Equal(t, "4", column(f.rows(raw), 0))
		assert.NotEmpty(t, raw.Window.High)
	})
	t.Run("Err a bound that is none", func(t *testing.T) {
		_, err := f.try(spec, "", "yesterday", "")
		require.ErrorIs(t, err, ErrValue)
		assert.ErrorContains(t, err, `"yesterday"`)
	})
	t.Run("OK a watermark of the cursor that the table had before: everything is read", func(t *testing.T) {
		raw, err := f.try(spec, "42", "", "")
		require.NoError(t, err)
		all, err := f.try(spec, "", "", "")
		require.NoError(t, err)
		assert.Empty(t, raw.Window.Low)
		assert.Equal(t, all.Rows, raw.Rows)
		assert.NotEmpty(t, raw.Watermark)
	})
	t.Run("Err a backfill without a cursor", func(t *testing.T) {
		_, err := f.try(table.Spec{Name: "t"}, "", "2024-01-01 10:00:00.000000", "")
		require.ErrorIs(t, err, ErrUnsupported)
	})
}

func TestHighIsCutToTheCursorsPrecision(t *testing.T) {
	for declared, digits := range map[string]int{"timestamp": 0, "timestamp(3)": 3, "datetime(1)": 1} {
		f := newFixture(t, "create table t (id int primary key, at "+declared+" null)")
		raw, _ := f.run(table.Spec{Name: "t", Cursor: "at"}, "")
		assert.Equal(t, "000000"[digits:], raw.Watermark[len(raw.Watermark)-6+digits:], declared)
	}
}

func TestOnNullCursor(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime null, n int null, day date not null)",
		"insert into t values (1,null,null,'0000-00-00'),(2,'0000-00-00 00:00:00',5,'2024-01-02'),(3,'2024-01-01 00:00:00',6,'2024-01-03')")
	for _, c := range []struct{ cursor, policy, watermark, want string }{
		{"at", table.NullInclude, "", "1|2|3"},
		{"at", "", "2025-01-01 00:00:00.000000", "1|2"},
		{"at", table.NullExclude, "", "3"},
		{"at", table.NullExclude, "2023-01-01 00:00:00.000000", "3"},
		{"n", table.NullInclude, "7", "1"},
		{"n", table.NullExclude, "", "2|3"},
		{"day", table.NullInclude, "2025-01-01", "1"},
		{"day", table.NullExclude, "", "2|3"},
	} {
		t.Run(fmt.Sprintf("OK %s %s from %q", c.cursor, c.policy, c.watermark), func(t *testing.T) {
			_, rows := f.run(table.Spec{Name: "t", Cursor: c.cursor, OnNullCursor: c.policy}, c.watermark)
			assert.Equal(t, c.want, column(rows, 0))
		})
	}
	for cursor, count := range map[string]string{"at": "2 rows", "n": "1 rows", "day": "1 rows"} {
		t.Run("Err fail "+cursor, func(t *testing.T) {
			_, err := f.try(table.Spec{Name: "t", Cursor: cursor, OnNullCursor: table.NullFail}, "", "", "")
			require.ErrorIs(t, err, ErrValue)
			assert.ErrorContains(t, err, count)
			assert.ErrorContains(t, err, fmt.Sprintf("column %q", cursor))
		})
	}
	t.Run("OK fail without such rows", func(t *testing.T) {
		_, rows := f.run(table.Spec{Name: "t", Cursor: "n", OnNullCursor: table.NullFail, Where: "id > 1"}, "")
		assert.Equal(t, "2|3", column(rows, 0))
	})
}

func TestZeroTimestampCursorCountsAsNull(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at timestamp(6) not null default '2024-01-01')",
		"insert into t values (1,'0000-00-00 00:00:00'),(2,'2024-01-01')")
	_, rows := f.run(table.Spec{Name: "t", Cursor: "at", OnNullCursor: table.NullExclude}, "")
	assert.Equal(t, "2", column(rows, 0))
	_, rows = f.run(table.Spec{Name: "t", Cursor: "at"}, "2025-01-01 00:00:00.000000")
	assert.Equal(t, "1", column(rows, 0))
}

func TestIntegerWindow(t *testing.T) {
	f := newFixture(t, "create table t (id bigint unsigned primary key)", "insert into t values (1),(5),(9)")
	spec := table.Spec{Name: "t", Cursor: "id"}
	t.Run("OK", func(t *testing.T) {
		raw, rows := f.run(spec, "")
		assert.Equal(t, "1|5|9", column(rows, 0))
		assert.Equal(t, table.Window{Kind: table.CursorInteger, High: "10"}, raw.Window)
		assert.Equal(t, "10", raw.Watermark)
		_, rows = f.run(spec, "5")
		assert.Equal(t, "5|9", column(rows, 0))
		spec := spec
		spec.OverlapRows = 5
		raw, rows = f.run(spec, "10")
		assert.Equal(t, "5|9", column(rows, 0))
		assert.Equal(t, "5", raw.Window.Low)
		_, rows = f.run(spec, "3") // low is below zero
		assert.Equal(t, "1|5|9", column(rows, 0))
	})
	t.Run("OK ids that began again are read from the start", func(t *testing.T) {
		raw, rows := f.run(spec, "5000")
		assert.Equal(t, "1|5|9", column(rows, 0))
		assert.Equal(t, "10", raw.Watermark)
	})
	t.Run("OK up to the largest of all", func(t *testing.T) {
		f.exec("insert into t values (18446744073709551615)")
		raw, rows := f.run(spec, "9")
		assert.Equal(t, "18446744073709551615|9", column(rows, 0))
		assert.Equal(t, "18446744073709551616", raw.Watermark)
		_, rows = f.run(spec, raw.Watermark)
		assert.Empty(t, rows)
	})
	t.Run("OK an empty table teaches nothing", func(t *testing.T) {
		f.exec("delete from t")
		raw, rows := f.run(spec, "10")
		assert.Empty(t, rows)
		assert.Empty(t, raw.Watermark)
		assert.Len(t, raw.Files, 1, "a file with the schema")
	})
}

func TestDateWindowIsWholeDays(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, day date not null)")
	f.exec("set time_zone='+00:00'; insert into t values (1, curdate() - interval 2 day), (2, curdate() - interval 1 day), (3, curdate()), (4, curdate() + interval 1 day)")
	spec := table.Spec{Name: "t", Cursor: "day"}
	raw, rows := f.run(spec, "")
	assert.Equal(t, "1|2|3", column(rows, 0))
	today, err := time.Parse(dateLayout, raw.Watermark)
	require.NoError(t, err)
	assert.Equal(t, today.AddDate(0, 0, 1).Format(dateLayout), raw.Window.High)
	_, rows = f.run(spec, raw.Watermark)
	assert.Equal(t, "3", column(rows, 0), "today is not over: it is read again")
	spec.Overlap = 10 * time.Minute // counts as a whole day
	raw, rows = f.run(spec, raw.Watermark)
	assert.Equal(t, "2|3", column(rows, 0))
	assert.Equal(t, today.AddDate(0, 0, -1).Format(dateLayout), raw.Window.Low)
}

func TestFullReloadHasNoWindow(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key)", "insert into t values (1),(2)")
	raw, rows := f.run(table.Spec{Name: "t"}, "")
	assert.Len(t, rows, 2)
	assert.True(t, raw.Window.Full())
	assert.Empty(t, raw.Watermark)
}

// TestRunsInSuccessionMissNothing writes between runs and expects each run to begin where the last ended.
func TestRunsInSuccessionMissNothing(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key auto_increment, at timestamp not null default current_timestamp)")
	spec := table.Spec{Name: "t", Cursor: "at"}
	seen, watermark := map[string]bool{}, ""
	for range 4 {
		f.exec("insert into t values (), (), ()")
		time.Sleep(400 * time.Millisecond)
		raw, rows := f.run(spec, watermark)
		watermark = raw.Watermark
		for _, row := range rows {
			seen[row[0]] = true
		}
	}
	require.Eventually(t, func() bool {
		raw, rows := f.run(spec, watermark)
		watermark = raw.Watermark
		for _, row := range rows {
			seen[row[0]] = true
		}
		return len(seen) == 12
	}, 2*time.Minute, 200*time.Millisecond)
}

func TestRowsInTheFutureAreNotedAndLeft(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, at datetime null, day date null, key (at), key (day))",
		"insert into t values (1,'9999-12-31','9999-12-31'),(2,'2024-01-01','2024-01-01'),(3,utc_timestamp() + interval 50 second,utc_date() + interval 1 day)")
	// noted runs until there is a note, which there is none of where a loaded server does not count in futureTime.
	noted := func(spec table.Spec) (raw table.Raw, rows [][]string) {
		t.Helper()
		f.eventually(func() bool {
			f.exec("update t set at = utc_timestamp() + interval 50 second, day = utc_date() + interval 1 day where id = 3")
			raw, rows = f.run(spec, "")
			return len(raw.Notes) > 0
		})
		return raw, rows
	}
	for _, cursor := range []string{"at", "day"} {
		raw, rows := noted(table.Spec{Name: "t", Cursor: cursor, OnNullCursor: table.NullExclude})
		assert.Equal(t, "2", column(rows, 0))
		require.Len(t, raw.Notes, 1)
		assert.Contains(t, raw.Notes[0], "1 rows have a cursor ("+cursor+") in the future")
	}
	f.exec("delete from t where id = 1")
	raw, _ := f.run(table.Spec{Name: "t", Cursor: "at"}, "")
	assert.Empty(t, raw.Notes)
	f.exec("insert into t select 10 + seq, '9999-12-31', null from seq_1_to_1200")
	raw, _ = noted(table.Spec{Name: "t", Cursor: "at"})
	assert.Contains(t, strings.Join(raw.Notes, ""), "1000 or more rows")
}
