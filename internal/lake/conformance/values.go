package conformance

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// extremes has, for each type of a central table, values that are often changed on the way: SQL, and what Query returns.
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
	{table.Double, []string{"1.7976931348623157e308::DOUBLE", "0.1::DOUBLE"}, []any{1.7976931348623157e308, 0.1}},
	{table.Boolean, []string{"true", "false"}, []any{true, false}},
	{table.Decimal(20, 0), []string{"18446744073709551615::DECIMAL(20,0)", "0::DECIMAL(20,0)"}, []any{"18446744073709551615", "0"}},
	{table.Decimal(38, 10), []string{"'-9999999999999999999999999999.9999999999'::DECIMAL(38,10)", "'0.0000000001'::DECIMAL(38,10)"}, []any{"-9999999999999999999999999999.9999999999", "0.0000000001"}},
	{table.Decimal(5, 2), []string{"'-0.05'::DECIMAL(5,2)", "'157.60'::DECIMAL(5,2)"}, []any{"-0.05", "157.60"}},
	{table.String, []string{"''", "'ünï 😀 ''\"\\ ' || repeat('x', 5000)"}, []any{"", "ünï 😀 '\"\\ " + strings.Repeat("x", 5000)}},
	{table.Binary, []string{`'\x00\xFF\x80'::BLOB`, "''::BLOB"}, []any{[]byte{0, 255, 128}, []byte{}}},
	{table.Date, []string{"DATE '0001-01-01'", "DATE '9999-12-31'"}, []any{day(1, 1, 1), day(9999, 12, 31)}},
	{table.Timestamp, []string{"TIMESTAMPTZ '1000-01-01 00:00:00+00'", "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'"}, []any{day(1000, 1, 1), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
}

func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

func testTypes(s *suite) {
	columns := "id long"
	rows := make([]string, 3)
	for i := range rows {
		rows[i] = fmt.Sprintf("SELECT %d::BIGINT AS id", i)
	}
	for i, e := range extremes {
		columns += fmt.Sprintf("; c%d %s", i, e.column)
		rows[0] += fmt.Sprintf(", %s AS c%d", e.sql[0], i)
		rows[1] += fmt.Sprintf(", %s AS c%d", e.sql[1], i)
		rows[2] += fmt.Sprintf(", NULL AS c%d", i)
	}
	b := s.batch(acme, columns, strings.Join(rows, " UNION ALL "))
	s.merge("3 0 0", b)
	check := func(s *suite) {
		got := s.values(lake.At{}, "SELECT * EXCLUDE (id, client_id, region) FROM orders ORDER BY id")
		require.Len(s, got, 3)
		for i, e := range extremes {
			require.Equal(s, e.want[0], got[0][i], "%s", e.column)
			require.Equal(s, e.want[1], got[1][i], "%s", e.column)
			require.Nil(s, got[2][i], "%s", e.column)
		}
	}
	s.run("Adopted", check)
	s.run("Rewritten", func(s *suite) {
		s.merge("0 0 0", b)
		s.merge("1 0 0", s.batch(acme, columns, strings.Replace(rows[0], "SELECT 0::", "SELECT 3::", 1)))
		s.merge("0 0 1", s.batch(acme, columns, strings.Join(rows, " UNION ALL "), reload))
		check(s)
	})
	described, err := s.lake.Describe(s.Context(), schema, "orders")
	require.NoError(s, err)
	for i, e := range extremes {
		require.Equal(s, e.column, described.Columns[i+1].Type)
	}
}

func testNames(s *suite) {
	names := []string{"select", "Größe", "a'b", `quo"te`, "a.b", "filename", "b", "r", "d", "f", "n", "o", "s", "t", "p", "😀", "x-y", "1st", "[list]", "schema", "v$"}
	columns, row := "id long", "SELECT 1::BIGINT AS id"
	for i, name := range names {
		columns += "; " + name + " integer"
		row += fmt.Sprintf(", %d::INTEGER AS %s", i, table.Quote(name, table.DoubleQuote))
	}
	ref := acme
	ref.Table = "Odd-tåble's"
	s.merge("1 0 0", s.batch(ref, columns, row))
	s.merge("1 1 0", s.batch(ref, columns, strings.Replace(row, "0::INTEGER", "99::INTEGER", 1)+" UNION ALL "+strings.Replace(row, "1::BIGINT", "2::BIGINT", 1)))
	got := s.values(lake.At{}, `SELECT * EXCLUDE (id, client_id, region) FROM "Odd-tåble's" ORDER BY id`)
	require.Len(s, got, 2)
	for i := range names {
		want := int64(i)
		if i == 0 {
			want = 99
		}
		require.Equal(s, want, got[0][i], names[i])
		require.Equal(s, int64(i), got[1][i], names[i])
	}
}
