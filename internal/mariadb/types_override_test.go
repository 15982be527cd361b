package mariadb

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// override is a pair of types: values that arrive exactly, and values that must fail.
type override struct {
	declared string
	to       table.Type
	values   [][2]string // SQL, and what is read: Arrow writes decimals without zeros at their end
	bad      []string    // SQL
}

const max63, max64 = "9223372036854775807", "18446744073709551615"

var overrideCases = []override{
	{"tinyint", table.Boolean, [][2]string{{"0", "false"}, {"1", "true"}}, []string{"2", "-1"}},
	{"bigint unsigned", table.Boolean, [][2]string{{"1", "true"}}, []string{"2", max64}},
	{"smallint", table.Byte, [][2]string{{"-128", "-128"}, {"127", "127"}}, []string{"128", "-129"}},
	{"int unsigned", table.Short, [][2]string{{"32767", "32767"}}, []string{"32768", "4294967295"}},
	{"bigint", table.Integer, [][2]string{{"-2147483648", "-2147483648"}, {"2147483647", "2147483647"}}, []string{"2147483648", "-2147483649", max63}},
	{"tinyint", table.Long, [][2]string{{"-128", "-128"}}, nil},
	{"bigint unsigned", table.Long, [][2]string{{max63, max63}, {"0", "0"}}, []string{"9223372036854775808", max64}},
	{"bigint", table.Decimal(19, 0), [][2]string{{"-9223372036854775808", "-9223372036854775808"}, {max63, max63}}, nil},
	{"bigint unsigned", table.Decimal(22, 2), [][2]string{{max64, max64}, {"0", "0"}}, nil},
	{"int", table.Decimal(5, 2), [][2]string{{"-999", "-999"}, {"999", "999"}}, []string{"1000", "-2147483648"}},
	{"int", table.Decimal(3, 3), [][2]string{{"0", "0"}}, []string{"1"}},
	{"int(5) zerofill", table.String, [][2]string{{"7", "00007"}, {"4294967295", "4294967295"}}, nil},
	{"bigint unsigned", table.String, [][2]string{{max64, max64}}, nil},
	{"bit(1)", table.Byte, [][2]string{{"b'1'", "1"}, {"b'0'", "0"}}, nil},
	{"bit(9)", table.Boolean, [][2]string{{"1", "true"}, {"0", "false"}}, []string{"2", "256"}},
	{"bit(9)", table.Byte, [][2]string{{"127", "127"}}, []string{"128", "511"}},
	{"bit(20)", table.Short, [][2]string{{"32767", "32767"}}, []string{"32768"}},
	{"bit(33)", table.Integer, [][2]string{{"2147483647", "2147483647"}}, []string{"2147483648"}},
	{"bit(64)", table.Long, [][2]string{{max63, max63}}, []string{"9223372036854775808", max64}},
	{"bit(64)", table.Decimal(20, 0), [][2]string{{max64, max64}, {"0", "0"}}, nil},
	{"bit(64)", table.Decimal(4, 1), [][2]string{{"999", "999"}}, []string{"1000", max64}},
	{"bit(64)", table.String, [][2]string{{max64, max64}, {"0", "0"}}, nil},
	{"decimal(5,2)", table.Byte, [][2]string{{"-128.00", "-128"}, {"127", "127"}}, []string{"127.01", "128", "-129"}},
	{"decimal(8,2)", table.Short, [][2]string{{"32767", "32767"}}, []string{"32768", "0.5"}},
	{"decimal(20,0)", table.Integer, [][2]string{{"-2147483648", "-2147483648"}}, []string{"2147483648"}},
	{"decimal(65,0)", table.Long, [][2]string{{"-9223372036854775808", "-9223372036854775808"}, {max63, max63}}, []string{"9223372036854775808", "-9223372036854775809", strings.Repeat("9", 65)}},
	{"decimal(12,2)", table.Decimal(20, 4), [][2]string{{"-9999999999.99", "-9999999999.99"}}, nil},
	{"decimal(12,4)", table.Decimal(12, 2), [][2]string{{"12345678.9000", "12345678.9"}}, []string{"0.0001", "0.0050"}},
	{"decimal(12,2)", table.Decimal(4, 2), [][2]string{{"99.99", "99.99"}}, []string{"100.00"}},
	{"decimal(65,30)", table.Decimal(38, 10), [][2]string{{"1234567890123456789012345678.0123456789", "1234567890123456789012345678.0123456789"}, {"-0.1", "-0.1"}}, []string{"10000000000000000000000000000", "0.00000000001"}},
	{"decimal(10,2) zerofill", table.String, [][2]string{{"1.5", "00000001.50"}}, nil},
	{"decimal(38,38)", table.String, [][2]string{{"0." + strings.Repeat("9", 38), "0." + strings.Repeat("9", 38)}}, nil},
	{"float", table.Double, [][2]string{{"0.1", "0.10000000149011612"}, {"1.401298464324817e-45", "1.401298464324817e-45"}, {"-3.4028234663852886e38", "-3.4028234663852886e+38"}}, nil},
	{"float", table.String, [][2]string{{"0.1", "0.10000000149011612"}, {"16777217", "16777216"}}, nil},
	{"double", table.String, [][2]string{{"0.1", "0.1"}, {"0.30000000000000004", "0.30000000000000004"}, {"1.7976931348623157e308", "1.7976931348623157e308"}, {"4.9406564584124654e-324", "5e-324"}, {"9007199254740993", "9.007199254740992e15"}}, nil},
	{"double(10,2)", table.String, [][2]string{{"1.1", "1.1"}}, nil},
	{"year", table.Integer, [][2]string{{"2155", "2155"}, {"0", "0"}}, nil},
	{"year", table.Long, [][2]string{{"1901", "1901"}}, nil},
	{"year", table.String, [][2]string{{"1901", "1901"}, {"0", "0000"}}, nil},
	{"date", table.Timestamp, [][2]string{{"'2024-02-29'", "2024-02-28T23:00:00Z"}, {"'9999-12-31'", "9999-12-30T23:00:00Z"}, {"'2023-02-31'", "(null)"}, {"'0000-00-00'", "(null)"}}, nil},
	{"date", table.String, [][2]string{{"'2024-02-29'", "2024-02-29"}, {"'2023-02-31'", "2023-02-31"}, {"'0000-00-00'", "0000-00-00"}}, nil},
	{"datetime(6)", table.Date, [][2]string{{"'2024-03-31 00:00:00'", "2024-03-31"}, {"'9999-12-31'", "9999-12-31"}, {"'0000-00-00'", "(null)"}}, []string{"'2024-03-31 00:00:00.000001'", "'2024-03-31 23:59:59'"}},
	{"datetime(3)", table.String, [][2]string{{"'2024-03-31 02:30:00.5'", "2024-03-31 02:30:00.500"}, {"'0000-00-00 00:00:00'", "0000-00-00 00:00:00.000"}, {"'2023-02-31 10:00:00'", "2023-02-31 10:00:00.000"}}, nil},
	{"timestamp(6) null", table.String, [][2]string{{"'2038-01-19 03:14:07.999999'", "2038-01-19 03:14:07.999999"}, {"'2024-03-31 01:30:00'", "2024-03-31 01:30:00.000000"}}, nil},
	{"varchar(20)", table.Binary, [][2]string{{"'é '", "w6kg"}, {"''", ""}}, nil},
	{"char(4) charset latin1", table.Binary, [][2]string{{"'é'", "6Q=="}}, nil}, // as it is stored
	{"longtext charset utf16", table.Binary, [][2]string{{"'A'", "AEE="}}, nil},
	{"json", table.Binary, [][2]string{{"'[1]'", "WzFd"}}, nil},
	{"varbinary(9)", table.String, [][2]string{{"x'c3a9'", "é"}, {"''", ""}}, []string{"x'c3'", "x'ff'", "x'eda080'"}},
	{"longblob", table.String, [][2]string{{"'☕'", "☕"}}, []string{"x'00fe'"}},
}

func TestOverridesAreExactOrFail(t *testing.T) {
	f := newFixture(t)
	s := f.open()
	for _, c := range overrideCases {
		t.Run(c.declared+" to "+string(c.to), func(t *testing.T) {
			g := &fixture{T: t, database: f.database, client: f.client}
			null := " null"
			if strings.HasSuffix(c.declared, "null") {
				null = ""
			}
			g.exec("create or replace table t (id int primary key, `V` "+c.declared+null+") charset utf8mb4", "insert into t values (0, null)")
			want := []string{"(null)"}
			for i, v := range c.values {
				g.exec("set names utf8mb4, time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES,STRICT_ALL_TABLES'; insert into t values (" + string(rune('1'+i)) + ", " + v[0] + ")")
				want = append(want, v[1])
			}
			spec := table.Spec{Name: "t", DatetimeZone: "Europe/Vienna", Types: map[string]table.Type{"v": c.to}}
			assert.Equal(t, c.to, g.plan(s, spec).Columns[1].Type)
			_, rows := g.run(spec, "")
			assert.Equal(t, strings.Join(want, "|"), column(rows, 1))
			for _, bad := range c.bad {
				g.exec("replace into t values (9, " + bad + ")")
				_, err := g.try(spec, "", "", "")
				require.ErrorIs(t, err, ErrValue, bad)
				assert.ErrorContains(t, err, `column "V"`)
				if len(bad) > 4 { // shorter ones are in the names of types too
					assert.NotContains(t, err.Error(), strings.Trim(bad, "x'"))
				}
			}
		})
	}
}

// TestEveryOverrideIsTested keeps overrideCases and overrides in step.
func TestEveryOverrideIsTested(t *testing.T) {
	tested := map[pairOfFamily]bool{}
	for _, c := range overrideCases {
		to := c.to
		if _, _, ok := to.DecimalOf(); ok {
			to = anyDecimal
		}
		tested[pairOfFamily{parseType(c.declared).family(), to}] = true
	}
	for _, from := range slices.Sorted(maps.Keys(overrides)) {
		for _, to := range overrides[from] {
			assert.True(t, tested[pairOfFamily{from, to}], "%s to %s", from, to)
		}
	}
}

type pairOfFamily struct {
	from family
	to   table.Type
}

func TestOverridesThatArePlannedNot(t *testing.T) {
	f := newFixture(t, `create table t (id int primary key, n int, d datetime, e enum('a'), g point, u uuid, f float, gone tinyint, ts timestamp default now(), b blob)`)
	s := f.open()
	for name, c := range map[string]struct {
		spec table.Spec
		want error
		says []string
	}{
		"integer to date":     {table.Spec{Types: map[string]table.Type{"n": table.Date}}, ErrUnsupported, []string{`column "n"`, "int cannot be read as date", "it can be read as integer, boolean, byte, short, long, decimal(p,s) or string"}},
		"enum to binary":      {table.Spec{Types: map[string]table.Type{"E": table.Binary}}, ErrUnsupported, []string{`column "e"`, "it can be read as string only"}},
		"shape to string":     {table.Spec{Types: map[string]table.Type{"g": table.String}}, ErrUnsupported, []string{"binary only"}},
		"float to decimal":    {table.Spec{Types: map[string]table.Type{"f": table.Decimal(9, 2)}}, ErrUnsupported, []string{"float, double or string"}},
		"timestamp to date":   {table.Spec{Types: map[string]table.Type{"ts": table.Date}}, ErrUnsupported, []string{"timestamp or string"}},
		"blob to boolean":     {table.Spec{Types: map[string]table.Type{"b": table.Boolean}}, ErrUnsupported, []string{"binary or string"}},
		"all faults at once":  {table.Spec{Types: map[string]table.Type{"n": table.Date, "e": table.Binary, "nosuch": table.String}}, ErrUnsupported, []string{`column "n"`, `column "e"`, `"nosuch" (types)`}},
		"unknown column":      {table.Spec{Types: map[string]table.Type{"gon": table.Boolean}}, ErrMissing, []string{`did you mean "gone"?`}},
		"column not read":     {table.Spec{Exclude: []string{"n"}, Types: map[string]table.Type{"n": table.Long}}, ErrMissing, []string{"take it out of types"}},
		"cursor as text":      {table.Spec{Cursor: "n", Types: map[string]table.Type{"n": table.String}}, ErrUnsupported, []string{"it is the cursor"}},
		"deletes as text":     {table.Spec{Deletes: table.Deletes{Column: "gone"}, Types: map[string]table.Type{"gone": table.String}}, ErrUnsupported, []string{"deletes.column"}},
		"OK cursor as number": {table.Spec{Cursor: "n", Deletes: table.Deletes{Column: "gone"}, Types: map[string]table.Type{"n": table.Decimal(12, 2), "gone": table.Boolean}}, nil, nil},
		"OK its own type":     {table.Spec{Types: map[string]table.Type{"g": table.Binary, "u": table.String, "d": table.Timestamp}}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c.spec.Name = "t"
			planned, err := s.Plan(t.Context(), []table.Spec{c.spec})
			require.NoError(t, err)
			require.ErrorIs(t, planned[0].Err, c.want)
			for _, text := range c.says {
				assert.ErrorContains(t, planned[0].Err, text)
			}
		})
	}
}
