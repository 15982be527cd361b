package delta

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

var noon = time.Date(2024, 2, 29, 12, 30, 45, 123456000, time.UTC)

func TestPartitionValue(t *testing.T) {
	cases := []struct {
		kind  table.Type
		value any
		text  string
		back  any
	}{
		{table.String, "a b/ü🎉", "a b/ü🎉", "a b/ü🎉"},
		{table.Long, int64(math.MinInt64), "-9223372036854775808", int64(math.MinInt64)},
		{table.Byte, 7, "7", int64(7)},
		{table.Boolean, true, "true", true},
		{table.Double, 0.1, "0.1", 0.1},
		{table.Float, float32(0.1), "0.1", 0.1},
		{table.Double, math.Inf(-1), "-Infinity", math.Inf(-1)},
		{table.Double, math.Inf(1), "Infinity", math.Inf(1)},
		{table.Date, noon, "2024-02-29", noon.Truncate(day)},
		{table.Timestamp, noon.In(time.FixedZone("x", 3600)), "2024-02-29T12:30:45.123456Z", noon},
		{table.Decimal(38, 2), "123456789012345678901234567890123456.7", "123456789012345678901234567890123456.70", "123456789012345678901234567890123456.70"},
		{table.Decimal(20, 0), uint64(math.MaxInt64), "9223372036854775807", "9223372036854775807"},
	}
	for _, c := range cases {
		t.Run("OK "+c.text, func(t *testing.T) {
			text, err := PartitionValue(c.kind, c.value)
			require.NoError(t, err)
			require.Equal(t, c.text, *text)
			back, err := ParsePartitionValue(c.kind, text)
			require.NoError(t, err)
			require.Equal(t, c.back, back)
		})
	}
	null, err := PartitionValue(table.Long, nil)
	require.NoError(t, err)
	require.Nil(t, null)
	for _, c := range []struct {
		kind  table.Type
		value any
	}{
		{table.String, ""}, {table.String, "\xff"}, {table.String, 1}, {table.Binary, []byte("x")}, {table.Long, "1"}, {table.Long, uint64(math.MaxUint64)},
		{table.Boolean, 1}, {table.Date, "2024-01-01"}, {table.Decimal(4, 2), "1.234"}, {table.Decimal(4, 2), "100"}, {table.Decimal(4, 2), "0x1"}, {table.Double, "1"},
	} {
		_, err := PartitionValue(c.kind, c.value)
		require.ErrorIs(t, err, ErrInvalid, c)
	}
	local := "2024-02-29 12:30:45.123456" // as Spark writes it
	at, err := ParsePartitionValue(table.Timestamp, &local)
	require.NoError(t, err)
	require.Equal(t, noon, at)
	_, err = ParsePartitionValue(table.Long, &local)
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestPartitionPath(t *testing.T) {
	values := map[string]*string{}
	for k, v := range map[string]string{"a": "x", "b": "1/2 %=:ü", "long": strings.Repeat("ü", 300)} {
		values[k] = &v
	}
	require.Equal(t, "a=x/b=1%2F2%20%25%3D%3A%C3%BC/none=__HIVE_DEFAULT_PARTITION__", PartitionPath([]string{"a", "b", "none"}, values))
	require.Empty(t, PartitionPath(nil, nil))
	long := PartitionPath([]string{"long"}, values)
	require.LessOrEqual(t, len(long), 255)
	other := strings.Repeat("ü", 299) + "ö"
	require.NotEqual(t, long, PartitionPath([]string{"long"}, map[string]*string{"long": &other}))

	path := "a=1%2F2/ü🎉 +#?.parquet"
	require.Equal(t, "a=1%252F2/%C3%BC%F0%9F%8E%89%20+%23%3F.parquet", EncodePath(path))
	require.Equal(t, path, decodePath(EncodePath(path)))
}

func TestStatsRoundTrip(t *testing.T) {
	text := `{"numRecords":3,"minValues":{"d":-0.10,"l":9223372036854775807,"s":"a"},"maxValues":{"d":12345678901234567890.123456789012345678},"nullCount":{"s":2}}`
	s, err := ParseStats(text)
	require.NoError(t, err)
	again, err := s.JSON()
	require.NoError(t, err)
	require.JSONEq(t, text, again)
	for _, digits := range []string{"-0.10", "9223372036854775807", "12345678901234567890.123456789012345678"} {
		require.Contains(t, again, digits)
	}
	nested, err := ParseStats(`{"numRecords":1,"minValues":{"s":{"x":1}},"nullCount":{"s":{"x":0},"y":1}}`)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"y": 1}, nested.NullCount)
	require.NoError(t, nested.Set("z", table.Long, 1, 2, 0))
	_, err = ParseStats("[]")
	require.ErrorIs(t, err, ErrCorrupt)
}

func TestFilesWithoutACountOfRowsDoNotSayNone(t *testing.T) {
	for _, text := range []string{"", `{}`, `{"numRecords":null}`, `{"minValues":{"l":1},"maxValues":{"l":3},"nullCount":{"l":0}}`, `{"numRecords":-1}`} {
		_, known := (&Add{Stats: text}).Records()
		require.False(t, known, text)
	}
	s, err := ParseStats(`{"minValues":{"l":1},"maxValues":{"l":3},"nullCount":{"l":3}}`)
	require.NoError(t, err)
	text, err := s.JSON()
	require.NoError(t, err)
	require.NotContains(t, text, "numRecords")
	require.True(t, s.MayContain("l", table.Long, 2, 2))
	require.False(t, s.MayContain("l", table.Long, 4, 5))
}

func TestStatsBounds(t *testing.T) {
	long := strings.Repeat("ü", 32)
	top := "\U0010FFFF"
	cases := []struct {
		name      string
		kind      table.Type
		low, high any
		min, max  any
	}{
		{"integers", table.Short, int16(-3), int16(4), json.Number("-3"), json.Number("4")},
		{"decimals", table.Decimal(38, 3), "-1.5", "12345678901234567890123456789.123", json.Number("-1.500"), json.Number("12345678901234567890123456789.123")},
		{"doubles", table.Double, -0.5, 1e300, json.Number("-0.5"), json.Number("1e+300")},
		{"NaN", table.Double, 1.0, math.NaN(), nil, nil},
		{"infinity", table.Double, 1.0, math.Inf(1), json.Number("1"), nil},
		{"strings", table.String, "a", "b", "a", "b"},
		{"long strings", table.String, long + "x", long + "x", long, long + top},
		{"long strings of the largest character", table.String, long + top + "x", long + top + "x", long, long + top + top},
		{"32 characters", table.String, long, long, long, long},
		{"not UTF-8", table.String, "\xff", "\xff", nil, nil},
		{"timestamps", table.Timestamp, noon, noon, "2024-02-29T12:30:45.123Z", "2024-02-29T12:30:45.124Z"},
		{"whole milliseconds", table.Timestamp, noon.Truncate(time.Millisecond), noon.Truncate(time.Millisecond), "2024-02-29T12:30:45.123Z", "2024-02-29T12:30:45.123Z"},
		{"before 1970", table.Timestamp, time.UnixMicro(-1), time.UnixMicro(-1), "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z"},
		{"the last microsecond", table.Timestamp, noon, time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), "2024-02-29T12:30:45.123Z", nil},
		{"dates", table.Date, noon, noon, "2024-02-29", "2024-02-29"},
		{"unknown", table.Long, nil, nil, nil, nil},
		{"binary", table.Binary, []byte("a"), []byte("b"), nil, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := NewStats(5)
			require.NoError(t, s.Set("c", c.kind, c.low, c.high, 1))
			require.Equal(t, c.min, s.MinValues["c"])
			require.Equal(t, c.max, s.MaxValues["c"])
			_, err := s.JSON()
			require.NoError(t, err)
			if low, ok := c.low.(string); ok && c.min != nil && c.kind == table.String {
				require.LessOrEqual(t, c.min, low)
				require.GreaterOrEqual(t, c.max, c.high)
			}
			if c.kind != table.Binary && c.name != "not UTF-8" {
				require.True(t, s.MayContain("c", c.kind, c.low, c.low), "a value of the file")
				require.True(t, s.MayContain("c", c.kind, c.high, c.high), "a value of the file")
			}
		})
	}
	require.ErrorIs(t, NewStats(1).Set("c", table.Long, "x", nil, 0), ErrInvalid)
}

func TestMayContain(t *testing.T) {
	s := NewStats(5)
	set := func(column string, kind table.Type, low, high any) {
		require.NoError(t, s.Set(column, kind, low, high, 0))
	}
	set("l", table.Long, int64(math.MaxInt64-1), int64(math.MaxInt64))
	set("m", table.Decimal(20, 2), "10.00", "20.00")
	set("s", table.String, "b", "d")
	set("t", table.Timestamp, noon, noon.Add(time.Second))
	set("d", table.Date, noon, noon)
	require.NoError(t, s.Set("n", table.Long, nil, nil, 5))
	cases := []struct {
		column    string
		kind      table.Type
		low, high any
		want      bool
	}{
		{"l", table.Long, nil, int64(math.MaxInt64 - 2), false}, // floats would not tell these apart
		{"l", table.Long, nil, int64(math.MaxInt64 - 1), true},
		{"m", table.Decimal(20, 2), "20.01", nil, false},
		{"m", table.Decimal(20, 2), "9", nil, true},
		{"m", table.Decimal(20, 2), nil, "9", false},
		{"m", table.Decimal(20, 2), "rubbish", "rubbish", true},
		{"s", table.String, "da", "z", false},
		{"s", table.String, "", "a", false},
		{"s", table.String, "c", "c", true},
		{"t", table.Timestamp, noon.Add(2 * time.Second), nil, false},
		{"t", table.Timestamp, nil, noon.Add(-time.Millisecond), false},
		{"t", table.Timestamp, noon, noon, true},
		{"d", table.Date, noon.Add(day), nil, false},
		{"d", table.Date, noon, noon, true},
		{"n", table.Long, nil, nil, false},
		{"unknown", table.Long, 1, 1, true},
	}
	for _, c := range cases {
		require.Equal(t, c.want, s.MayContain(c.column, c.kind, c.low, c.high), c)
	}
	require.True(t, (*Stats)(nil).MayContain("l", table.Long, 1, 1))
}

// TestMayContainWhatOthersRounded has bounds as delta-rs 1.6 writes them: those of decimals are doubles, or integers that end at the largest of 64
// bits. Spark writes those of floats with the digits of floats.
func TestMayContainWhatOthersRounded(t *testing.T) {
	s, err := ParseStats(`{"numRecords":9,"minValues":{"m":1.2345678901234568e+16,"id":9007199254740992,"big":1.8446744073709552e19,"neg":-9223372036854775808,"f":0.1,"d":0.1},` +
		`"maxValues":{"m":1.2345678901234568e+16,"id":9223372036854775807,"big":1.8446744073709552e19,"neg":-9007199254740992,"f":0.7,"d":0.7}}`)
	require.NoError(t, err)
	for _, c := range []struct {
		column string
		kind   table.Type
		value  any
		want   bool
	}{
		{"m", table.Decimal(20, 2), "12345678901234567.89", true},
		{"m", table.Decimal(20, 2), "12345678901234567.91", true},
		{"m", table.Decimal(20, 2), "12345678901234668.00", false},
		{"id", table.Decimal(20, 0), "18446744073709551615", true},
		{"id", table.Decimal(20, 0), "9007199254740991", true},
		{"id", table.Decimal(20, 0), "9007199254740000", false},
		{"big", table.Decimal(20, 0), "18446744073709551615", true},
		{"big", table.Decimal(20, 0), "18446744073709500000", false},
		{"neg", table.Decimal(20, 0), "-18446744073709551615", true},
		{"neg", table.Decimal(20, 0), "-9007199254740993", true},
		{"neg", table.Decimal(20, 0), "-9007199254000000", false},
		{"f", table.Float, float32(0.1), true},
		{"f", table.Float, float32(0.7), true},
		{"f", table.Float, float32(0.70000005), false},
		{"d", table.Double, 0.1, true},
		{"d", table.Double, 0.7000000000000001, false},
	} {
		require.Equal(t, c.want, s.MayContain(c.column, c.kind, c.value, c.value), c)
	}
}

func TestSchemaRoundTrip(t *testing.T) {
	schema := table.Schema{{Name: "amount", Type: table.Decimal(12, 2), Nullable: true, Comment: `net "EUR"`}}
	for _, kind := range knownTypes {
		schema = append(schema, table.Column{Name: "c_" + string(kind), Type: kind, Nullable: kind != table.Long})
	}
	m, err := NewMetadata("t", "about", schema, []string{"C_DATE"}, map[string]string{"owner": "x"})
	require.NoError(t, err)
	require.Equal(t, []string{"c_date"}, m.PartitionColumns)
	got, err := m.Schema()
	require.NoError(t, err)
	require.Equal(t, schema, got)

	m.SchemaString = strings.Replace(m.SchemaString, `"metadata":{"comment"`, `"metadata":{"other":1,"comment"`, 1)
	schema[0].Comment = "changed"
	m, err = m.WithSchema(append(schema, table.Column{Name: "new", Type: table.Date, Nullable: true}))
	require.NoError(t, err)
	require.Contains(t, m.SchemaString, `"metadata":{"comment":"changed","other":1}`)
	require.Contains(t, m.SchemaString, `"new"`)
}

func TestSchemaErrors(t *testing.T) {
	for name, columns := range map[string]table.Schema{
		"twice": {{Name: "a", Type: table.Long}, {Name: "A", Type: table.Long}}, "space": {{Name: "a b", Type: table.Long}},
		"empty": {{Type: table.Long}}, "type": {{Name: "a", Type: "int"}}, "precision": {{Name: "a", Type: table.Decimal(39, 0)}},
	} {
		_, err := NewMetadata("t", "", columns, nil, nil)
		require.ErrorIs(t, err, ErrInvalid, name)
	}
	for _, partition := range [][]string{{"none"}, {"id", "ID"}, {"id", "name", "region"}} {
		_, err := NewMetadata("t", "", testSchema, partition, nil)
		require.ErrorIs(t, err, ErrInvalid, partition)
	}
	for property, want := range map[string]error{
		"delta.enableChangeDataFeed=true": ErrProtocol, "delta.constraints.x=a > 1": ErrProtocol, "delta.columnMapping.mode=name": ErrProtocol,
		"delta.checkpointInterval=0": ErrInvalid, "delta.logRetentionDuration=soon": ErrInvalid, "delta.appendOnly=maybe": ErrInvalid,
		"delta.columnMapping.mode=none": nil, "delta.logRetentionDuration=interval 2 weeks 3 hours": nil,
	} {
		k, v, _ := strings.Cut(property, "=")
		_, err := NewMetadata("t", "", testSchema, nil, map[string]string{k: v})
		require.ErrorIs(t, err, want, property)
	}
	for _, kind := range []string{`{"type":"array","elementType":"long","containsNull":true}`, `"timestamp_ntz"`, `"void"`} {
		m := Metadata{SchemaString: `{"type":"struct","fields":[{"name":"tags","type":` + kind + `,"nullable":true,"metadata":{}}]}`}
		_, err := m.Schema()
		require.ErrorIs(t, err, ErrProtocol)
		require.ErrorContains(t, err, "tags")
	}
}
