package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// extremes has, for each type of a central table, values that are often changed on the way: DuckDB's SQL, and what Query returns.
var extremes = []struct {
	column table.Type
	sql    []string
	want   []any
}{
	{table.Byte, []string{"(-128)::TINYINT", "127::TINYINT"}, []any{int64(-128), int64(127)}},
	{table.Short, []string{"(-32768)::SMALLINT", "32767::SMALLINT"}, []any{int64(-32768), int64(32767)}},
	{table.Integer, []string{"(-2147483648)::INTEGER", "2147483647::INTEGER"}, []any{int64(-2147483648), int64(2147483647)}},
	{table.Long, []string{"(-9223372036854775808)::BIGINT", "9223372036854775807::BIGINT"}, []any{int64(-9223372036854775808), int64(9223372036854775807)}},
	{table.Float, []string{"'3.4028235e38'::FLOAT", "'1e-45'::FLOAT"}, []any{float64(float32(3.4028235e38)), float64(float32(1e-45))}},
	{table.Float, []string{"0.1::FLOAT", "-0.0::FLOAT"}, []any{float64(float32(0.1)), float64(0)}},
	{table.Double, []string{"1.7976931348623157e308::DOUBLE", "0.1::DOUBLE"}, []any{1.7976931348623157e308, 0.1}},
	{table.Boolean, []string{"true", "false"}, []any{true, false}},
	{table.Decimal(20, 0), []string{"18446744073709551615::DECIMAL(20,0)", "0::DECIMAL(20,0)"}, []any{"18446744073709551615", "0"}},
	{table.Decimal(38, 10), []string{"'-9999999999999999999999999999.9999999999'::DECIMAL(38,10)", "'0.0000000001'::DECIMAL(38,10)"}, []any{"-9999999999999999999999999999.9999999999", "0.0000000001"}},
	{table.Decimal(38, 38), []string{"('0.' || repeat('9', 38))::DECIMAL(38,38)", "0::DECIMAL(38,38)"}, []any{"0." + strings.Repeat("9", 38), "0." + strings.Repeat("0", 38)}},
	{table.Decimal(5, 2), []string{"'-0.05'::DECIMAL(5,2)", "'157.60'::DECIMAL(5,2)"}, []any{"-0.05", "157.60"}},
	{table.String, []string{"''", "'ünï 😀 ''\"\\ ' || repeat('x', 5000)"}, []any{"", "ünï 😀 '\"\\ " + strings.Repeat("x", 5000)}},
	{table.String, []string{"'NULL'", "chr(10) || ' é' || chr(9) || chr(1)"}, []any{"NULL", "\n é\t\x01"}},
	{table.Binary, []string{`'\x00\xFF\x80'::BLOB`, "''::BLOB"}, []any{[]byte{0, 255, 128}, []byte{}}},
	{table.Date, []string{"DATE '0001-01-01'", "DATE '9999-12-31'"}, []any{day(1, 1, 1), day(9999, 12, 31)}},
	{table.Date, []string{"DATE '1582-10-04'", "DATE '2024-02-29'"}, []any{day(1582, 10, 4), day(2024, 2, 29)}},
	{table.Timestamp, []string{"TIMESTAMPTZ '1000-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"}, []any{day(1000, 1, 1), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
	{table.Timestamp, []string{"TIMESTAMPTZ '2024-03-31 02:30:00.000001+00'", "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'"}, []any{time.Date(2024, 3, 31, 2, 30, 0, 1000, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func testTypes(s *suite) {
	columns := "id long"
	names := make([]string, len(extremes))
	rows := make([]string, 3)
	for i := range rows {
		rows[i] = fmt.Sprintf("SELECT %d::BIGINT AS id", i)
	}
	for i, e := range extremes {
		names[i] = fmt.Sprintf("c%d", i)
		columns += fmt.Sprintf("; c%d %s", i, e.column)
		rows[0] += fmt.Sprintf(", %s AS c%d", e.sql[0], i)
		rows[1] += fmt.Sprintf(", %s AS c%d", e.sql[1], i)
		rows[2] += fmt.Sprintf(", NULL AS c%d", i)
	}
	s.merge("3 0 0", s.batch(s.acme(), columns, strings.Join(rows, " UNION ALL ")))
	query := "SELECT " + strings.Join(names, ", ") + " FROM orders WHERE id < 3 ORDER BY id"
	check := func(s *suite) {
		got := s.values(lake.At{}, query)
		require.Len(s, got, 3)
		for i, e := range extremes {
			require.Equal(s, e.want[0], got[0][i], "%s %s", names[i], e.column)
			require.Equal(s, e.want[1], got[1][i], "%s %s", names[i], e.column)
			require.Nil(s, got[2][i], "%s %s", names[i], e.column)
		}
	}
	s.run("FirstLoad", check)
	s.run("Rewritten", func(s *suite) {
		more := strings.Join(rows, " UNION ALL ") + " UNION ALL " + strings.Replace(rows[0], "SELECT 0::", "SELECT 3::", 1)
		s.merge("1 0 0", s.batch(s.acme(), columns, more, reload))
		check(s)
	})
	described := s.describe("orders")
	for i, e := range extremes {
		require.Equal(s, e.column, described.Columns[i+1].Type)
	}
	s.run("Columns", func(s *suite) {
		result, err := s.lake.Query(s.Context(), s.schema, query, lake.At{})
		require.NoError(s, err)
		defer func() { require.NoError(s, result.Close()) }()
		require.Len(s, result.Columns(), len(extremes))
		for i, e := range extremes {
			require.Equal(s, names[i], result.Columns()[i].Name)
			require.Equal(s, family(e.column), family(result.Columns()[i].Type), e.column)
		}
	})
}

// family is the type without a decimal's precision and scale, which not every driver knows.
func family(t table.Type) string {
	name, _, _ := strings.Cut(string(t), "(")
	return name
}

func testNames(s *suite) {
	names := []string{"select", "Order", "GROUP", "Größe", "a'b", `quo"te`, "back`tick", `back\slash`, "a.b", "filename", "b", "r", "d", "f", "n", "o", "s", "t",
		"p", "source", "target", "😀", "x-y", "1st", "[list]", "schema", "v$", "why?", ":name", "%d", "--c", "/*c*/", "_c", strings.Repeat("long", 30)}
	name := "Odd-tåble's"
	if s.PlainTables {
		name = "Odd_Table_1"
	}
	s.names(name, names)

	s.run("AnyName", func(s *suite) {
		odd := []string{"two words", "a,b", "a;b", "{a}", "(a)", "a\nb", "a\tb", "a=b", " "}
		if s.AnyName {
			s.names("odd", odd)
			return
		}
		for _, name := range odd {
			_, err := s.lake.Create(s.Context(), lake.Table{Schema: s.schema, Name: "odd", Columns: tenantColumns("id long; " + name + " integer")})
			require.ErrorIs(s, err, lake.ErrSchema)
			require.ErrorContains(s, err, fmt.Sprintf("%q", name))
		}
		s.refuses(lake.ErrSchema, s.batch(s.named("odd"), "id long; two words integer", `SELECT 1::BIGINT AS id, 1 AS "two words"`), "two words")
		_, err := s.lake.Describe(s.Context(), s.schema, "odd")
		require.ErrorIs(s, err, lake.ErrNotFound)
	})
	s.run("ErrTwice", func(s *suite) {
		_, err := s.lake.Create(s.Context(), lake.Table{Schema: s.schema, Name: "twice", Columns: tenantColumns("id long; ID string")})
		require.ErrorIs(s, err, lake.ErrSchema)
	})
}

// names brings rows into a table with columns of those names and reads them back. The first is a key too.
func (s *suite) names(name string, names []string) {
	s.Helper()
	columns, row, selected := "id long", "SELECT 1::BIGINT AS id", make([]string, len(names))
	for i, column := range names {
		columns += "; " + column + " integer"
		row += fmt.Sprintf(", %d::INTEGER AS %s", i, table.Quote(column, table.DoubleQuote))
		selected[i] = table.Quote(column, s.Quote)
	}
	ref := s.named(name)
	keys := func(b *table.Batch) { b.Keys = []string{"id", names[0]} }
	s.merge("1 0 0", s.batch(ref, columns, row, keys))
	changed := strings.Replace(row, "1::INTEGER", "99::INTEGER", 1) + " UNION ALL " + strings.Replace(row, "1::BIGINT", "2::BIGINT", 1)
	s.merge("1 1 0", s.batch(ref, columns, changed, keys))
	got := s.values(lake.At{}, "SELECT "+strings.Join(selected, ", ")+" FROM "+table.Quote(name, s.Quote)+" ORDER BY id")
	require.Len(s, got, 2)
	for i := range names {
		want := int64(i)
		if i == 1 {
			want = 99
		}
		require.Equal(s, want, got[0][i], names[i])
		require.Equal(s, int64(i), got[1][i], names[i])
	}
	require.Equal(s, append(append([]string{"id"}, names...), "client_id", "region"), s.describe(name).Columns.Names())
}
