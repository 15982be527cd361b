package mariadb

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// TestTypesAreExact stores values at the edges of each type and expects the very same out of the raw files.
func TestTypesAreExact(t *testing.T) {
	long := strings.Repeat("9", 38)
	for _, c := range []struct {
		declared string
		want     table.Type
		values   [][2]string // SQL, and what is read
	}{
		{"tinyint", "byte", [][2]string{{"-128", "-128"}, {"127", "127"}, {"0", "0"}}},
		{"tinyint(1)", "byte", [][2]string{{"-7", "-7"}, {"2", "2"}}},
		{"tinyint unsigned", "short", [][2]string{{"0", "0"}, {"255", "255"}}},
		{"smallint", "short", [][2]string{{"-32768", "-32768"}, {"32767", "32767"}}},
		{"smallint unsigned", "integer", [][2]string{{"65535", "65535"}}},
		{"mediumint", "integer", [][2]string{{"-8388608", "-8388608"}, {"8388607", "8388607"}}},
		{"mediumint unsigned", "integer", [][2]string{{"16777215", "16777215"}}},
		{"int", "integer", [][2]string{{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}}},
		{"int unsigned", "long", [][2]string{{"4294967295", "4294967295"}}},
		{"int(5) zerofill", "long", [][2]string{{"42", "42"}}},
		{"bigint", "long", [][2]string{{"-9223372036854775808", "-9223372036854775808"}, {"9223372036854775807", "9223372036854775807"}}},
		{"bigint unsigned", "decimal(20,0)", [][2]string{{"18446744073709551615", "18446744073709551615"}, {"9223372036854775808", "9223372036854775808"}, {"0", "0"}}},
		{"decimal(12,2)", "decimal(12,2)", [][2]string{{"157640.87", "157640.87"}, {"-9999999999.99", "-9999999999.99"}, {"-0.01", "-0.01"}, {"0", "0"}}},
		{"decimal(38,0)", "decimal(38,0)", [][2]string{{long, long}, {"-" + long, "-" + long}}},
		{"decimal(38,38)", "decimal(38,38)", [][2]string{{"0." + long, "0." + long}}},
		{"decimal(65,30)", "string", [][2]string{{"12345678901234567890123456789012345.000000000000000000000000000001", "12345678901234567890123456789012345.000000000000000000000000000001"}}},
		{"float", "float", [][2]string{{"16777217", "1.6777216e+07"}, {"0.1", "0.1"}, {"3.4028234e38", "3.4028235e+38"}, {"1.23456789", "1.2345679"}}},
		{"double", "double", [][2]string{{"0.1", "0.1"}, {"1.7976931348623157e308", "1.7976931348623157e+308"}, {"-5e-324", "-5e-324"}}},
		{"bit(1)", "boolean", [][2]string{{"b'0'", "false"}, {"b'1'", "true"}}},
		{"bit(63)", "long", [][2]string{{"9223372036854775807", "9223372036854775807"}, {"0", "0"}}},
		{"bit(64)", "binary", [][2]string{{"18446744073709551615", "//////////8="}}},
		{"year", "short", [][2]string{{"1901", "1901"}, {"2155", "2155"}, {"0", "0"}}},
		{"date", "date", [][2]string{{"'1000-01-01'", "1000-01-01"}, {"'9999-12-31'", "9999-12-31"}, {"'2024-02-29'", "2024-02-29"}, {"'0001-01-01'", "0001-01-01"}, {"'1969-12-31'", "1969-12-31"}}},
		{"datetime", "timestamp", [][2]string{{"'2024-02-29 23:59:59'", "2024-02-29T23:59:59Z"}, {"'9999-12-31 00:00:00'", "9999-12-31T00:00:00Z"}}},
		{"datetime(3)", "timestamp", [][2]string{{"'2024-01-02 03:04:05.678'", "2024-01-02T03:04:05.678Z"}}},
		{"datetime(6)", "timestamp", [][2]string{{"'1000-01-01 00:00:00.000001'", "1000-01-01T00:00:00.000001Z"}, {"'1969-12-31 23:59:59.999999'", "1969-12-31T23:59:59.999999Z"}}},
		{"timestamp(6) null", "timestamp", [][2]string{{"'1970-01-01 00:00:01.000001'", "1970-01-01T00:00:01.000001Z"}, {"'2038-01-19 03:14:07.999999'", "2038-01-19T03:14:07.999999Z"}}},
		{"time(6)", "string", [][2]string{{"'-838:59:59.999999'", "-838:59:59.999999"}, {"'00:00:00'", "00:00:00.000000"}, {"'838:59:59'", "838:59:59.000000"}}},
		{"time", "string", [][2]string{{"'25:00:01'", "25:00:01"}, {"'-00:00:01'", "-00:00:01"}}},
		{"char(4)", "string", [][2]string{{"''", ""}, {"'ab'", "ab"}}},
		{"varchar(20)", "string", [][2]string{{"'  trailing  '", "  trailing  "}, {"'a\\0b'", "a\x00b"}}},
		{"varchar(20) character set latin1", "string", [][2]string{{"'café €'", "café €"}}},
		{"varchar(20) character set utf8mb4", "string", [][2]string{{"'👩‍👩‍👧 ok'", "👩‍👩‍👧 ok"}}},
		{"text", "string", [][2]string{{"repeat('ü', 20000)", strings.Repeat("ü", 20000)}}},
		{"longtext compressed", "string", [][2]string{{"repeat('z', 5000)", strings.Repeat("z", 5000)}}},
		{"enum('new','päid','')", "string", [][2]string{{"'päid'", "päid"}, {"'new'", "new"}}},
		{"set('a','b','c')", "string", [][2]string{{"'c,a'", "a,c"}, {"''", ""}}},
		{"json", "string", [][2]string{{`'{"k": [1, 2.50]}'`, `{"k": [1, 2.50]}`}}},
		{"uuid", "string", [][2]string{{"'123e4567-e89b-12d3-a456-426614174000'", "123e4567-e89b-12d3-a456-426614174000"}}},
		{"inet4", "string", [][2]string{{"'192.168.0.1'", "192.168.0.1"}}},
		{"inet6", "string", [][2]string{{"'::ffff:10.0.0.1'", "::ffff:10.0.0.1"}}},
		{"binary(3)", "binary", [][2]string{{"x'00ff'", "AP8A"}}},
		{"varbinary(9)", "binary", [][2]string{{"x''", ""}, {"x'fffe00'", "//4A"}}},
		{"longblob", "binary", [][2]string{{"x'c3'", "ww=="}}},
		{"point", "binary", [][2]string{{"point(1, 2)", "AQEAAAAAAAAAAADwPwAAAAAAAABA"}}},
	} {
		t.Run(c.declared, func(t *testing.T) {
			null := " null"
			if strings.HasSuffix(c.declared, "null") {
				null = ""
			}
			f := newFixture(t, fmt.Sprintf("create table t (id int primary key, v %s%s)", c.declared, null), "insert into t values (0, null)")
			want := []string{"(null)"}
			for i, v := range c.values {
				f.exec(fmt.Sprintf("insert into t values (%d, %s)", i+1, v[0]))
				want = append(want, v[1])
			}
			spec := table.Spec{Name: "t"}
			assert.Equal(t, c.want, f.plan(f.open(), spec).Columns[1].Type)
			raw, rows := f.run(spec, "")
			assert.Equal(t, strings.Join(want, "|"), column(rows, 1), "as read")
			assert.Zero(t, raw.ZeroDates)
		})
	}
}

func TestTinyint1IsBooleanOnRequest(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v tinyint(1) not null, w tinyint(4) not null)", "insert into t values (1,0,5),(2,1,6)")
	spec := table.Spec{Name: "t", TinyInt1: "boolean"}
	_, rows := f.run(spec, "")
	assert.Equal(t, [][]string{{"1", "false", "5"}, {"2", "true", "6"}}, rows)

	f.exec("insert into t values (3,2,7)")
	_, err := f.try(spec, "", "", "")
	require.ErrorIs(t, err, ErrValue)
	assert.ErrorContains(t, err, `column "v"`)
}

func TestInvisibleAndGeneratedColumnsAreRead(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, hidden int invisible default 5, twice int as (id * 2) virtual, kept int as (id + 1) stored)",
		"insert into t (id) values (4)")
	_, rows := f.run(table.Spec{Name: "t"}, "")
	assert.Equal(t, [][]string{{"4", "5", "8", "5"}}, rows)
}

func TestZeroAndImpossibleDates(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, d date not null, dt datetime(6) not null, ts timestamp not null default '2024-01-01')",
		"set sql_mode='ALLOW_INVALID_DATES'; insert into t values (1,'0000-00-00','0000-00-00 00:00:00','0000-00-00 00:00:00'),"+
			"(2,'2024-00-10','2023-02-30 10:00:00','2024-01-01 00:00:00'),(3,'2024-02-29','2024-02-29 00:00:00','2024-01-01 00:00:00')")
	t.Run("OK become NULL and are counted", func(t *testing.T) {
		raw, rows := f.run(table.Spec{Name: "t"}, "")
		assert.Equal(t, [][]string{
			{"1", "(null)", "(null)", "(null)"},
			{"2", "(null)", "(null)", "2024-01-01T00:00:00Z"},
			{"3", "2024-02-29", "2024-02-29T00:00:00Z", "2024-01-01T00:00:00Z"},
		}, rows)
		assert.EqualValues(t, 5, raw.ZeroDates)
	})
	t.Run("Err with zero_dates: fail", func(t *testing.T) {
		_, err := f.try(table.Spec{Name: "t", ZeroDates: "fail"}, "", "", "")
		require.ErrorIs(t, err, ErrValue)
		assert.ErrorContains(t, err, `client "acme", table "t"`)
		assert.ErrorContains(t, err, `column "d"`)
		assert.ErrorContains(t, err, "zero_dates")
	})
}

func TestUnsupportedTypeIsNamed(t *testing.T) {
	_, err := parseType("vector(3)").deltaType(false)
	require.ErrorIs(t, err, ErrUnsupported)
	assert.ErrorContains(t, err, "vector")
}

func TestParseDecimal(t *testing.T) {
	for _, c := range []struct {
		text string
		p, s int
		want string
		err  error
	}{
		{"1", 3, 2, "100", nil},
		{"-1.5", 3, 2, "-150", nil},
		{"+9.99", 3, 2, "999", nil},
		{"0.00", 2, 2, "0", nil},
		{"1.230", 3, 2, "123", nil},
		{"00001.23", 3, 2, "123", nil},
		{"1.234", 4, 2, "", errFit},
		{"10.00", 3, 2, "", errFit},
		{"", 3, 2, "", errKind},
		{"-", 3, 2, "", errKind},
		{"1e3", 9, 0, "", errKind},
		{"1.2.3", 9, 2, "", errKind},
	} {
		got, err := parseDecimal([]byte(c.text), c.p, c.s)
		assert.ErrorIs(t, err, c.err, c.text)
		if c.err == nil {
			assert.Equal(t, c.want, got.BigInt().String(), c.text)
		}
	}
}

// TestFractionsThatTheServerDoesNotAnnounce changes the columns after the plan, which looks the same as a
// server whose metadata is wrong (go-mysql-server's is): the values on the wire count.
func TestFractionsThatTheServerDoesNotAnnounce(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, v timestamp(6) null, w time(6))",
		"set time_zone='+00:00'; insert into t values (1,'2024-01-01 10:00:00','10:00:00')")
	s := f.open()
	extract := func(plan table.Plan) ([][]string, error) {
		raw, err := s.Extract(t.Context(), ExtractRequest{Spec: table.Spec{Name: "t"}, Plan: plan, Dir: t.TempDir()})
		return f.rows(raw), err
	}
	long := f.plan(s, table.Spec{Name: "t"})
	f.exec("alter table t modify v timestamp null, modify w time")
	short := f.plan(s, table.Spec{Name: "t"})
	t.Run("OK fewer digits than planned", func(t *testing.T) {
		rows, err := extract(long)
		require.NoError(t, err)
		assert.Equal(t, [][]string{{"1", "2024-01-01T10:00:00Z", "10:00:00.000000"}}, rows)
	})
	f.exec("alter table t modify v timestamp(6) null, modify w time(6)", "set time_zone='+00:00'; update t set v = '2024-01-01 10:00:00.5'")
	t.Run("OK more digits of a timestamp", func(t *testing.T) {
		rows, err := extract(short)
		require.NoError(t, err)
		assert.Equal(t, [][]string{{"1", "2024-01-01T10:00:00.5Z", "10:00:00"}}, rows)
	})
	t.Run("Err more digits of a time", func(t *testing.T) {
		f.exec("update t set w = '10:00:00.000001'")
		_, err := extract(short)
		require.ErrorIs(t, err, ErrAltered)
		assert.ErrorContains(t, err, "fractional seconds")
	})
}
