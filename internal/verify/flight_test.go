package verify

import (
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestSettledIsWhereTheNextRunBegins(t *testing.T) {
	spec := table.Spec{Overlap: 90 * time.Minute, OverlapRows: 5}
	for _, c := range []struct{ kind, watermark, want string }{
		{table.CursorTime, "2026-01-01 01:00:00.000001", "2025-12-31 23:30:00.000001"},
		{table.CursorDate, "2026-01-01", "2025-12-31"},
		{table.CursorInteger, "3", "-2"},
		{table.CursorInteger, "18446744073709551616", "18446744073709551611"},
		{table.CursorString, "'b'", "'b'"},
		{table.CursorTime, "", ""},
	} {
		got, err := settled(c.kind, c.watermark, spec)
		require.NoError(t, err)
		require.Equal(t, c.want, got)
	}
	for kind, watermark := range map[string]string{table.CursorTime: "5", table.CursorDate: "x", table.CursorInteger: "'5'", table.CursorString: "5", "other": "5"} {
		_, err := settled(kind, watermark, spec)
		require.Error(t, err, kind)
	}
}

func build(t *testing.T, kind arrow.DataType, fill func(array.Builder)) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, kind)
	defer b.Release()
	fill(b)
	b.AppendNull()
	a := b.NewArray()
	t.Cleanup(a.Release)
	return a
}

func rowsWhere(a arrow.Array, is func(int) bool) []bool {
	rows := make([]bool, a.Len())
	for i := range rows {
		rows[i] = is(i)
	}
	return rows
}

func TestInFlightIsAtOrAboveTheBound(t *testing.T) {
	at := func(text string) arrow.Timestamp {
		parsed, err := time.Parse(timeLayout, text)
		require.NoError(t, err)
		return arrow.Timestamp(parsed.UnixMicro())
	}
	times := build(t, arrow.FixedWidthTypes.Timestamp_us, func(b array.Builder) {
		b.(*array.TimestampBuilder).AppendValues([]arrow.Timestamp{at("2025-12-31 23:59:59.999999"), at("2026-01-01 00:00:00.000000"), at("2026-01-01 00:00:00.000001")}, nil)
	})
	longs := build(t, arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).AppendValues([]int64{-1, 5, 6}, nil) })
	unsigned := build(t, &arrow.Decimal128Type{Precision: 20}, func(b array.Builder) {
		b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(4), decimal128.FromU64(1 << 63), decimal128.FromU64(1<<64 - 1)}, nil)
	})
	texts := build(t, arrow.BinaryTypes.String, func(b array.Builder) { b.(*array.StringBuilder).AppendValues([]string{"01a", "01B", "01c"}, nil) })
	days := build(t, arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).AppendValues([]arrow.Date32{-1, 0, 1}, nil) })
	for _, c := range []struct {
		kind, bound string
		a           arrow.Array
		want        []bool
	}{
		{table.CursorTime, "2026-01-01 00:00:00.000000", times, []bool{false, true, true, false}},
		{table.CursorTime, "", times, []bool{true, true, true, false}},
		{table.CursorInteger, "5", longs, []bool{false, true, true, false}},
		{table.CursorInteger, "9223372036854775808", longs, []bool{false, false, false, false}},
		{table.CursorInteger, "-9223372036854775809", longs, []bool{true, true, true, false}},
		{table.CursorInteger, "9223372036854775808", unsigned, []bool{false, true, true, false}},
		{table.CursorString, "'01b'", texts, []bool{false, true, true, false}},
		{table.CursorDate, "1970-01-01", days, []bool{false, true, true, false}},
	} {
		is, err := inFlight(c.kind, c.bound, c.a)
		require.NoError(t, err)
		require.Equal(t, c.want, rowsWhere(c.a, is), "%s %s", c.kind, c.bound)
	}
	_, err := inFlight(table.CursorTime, "2026-01-01 00:00:00.000000", longs)
	require.ErrorContains(t, err, "a cursor of kind time is a int64")
}

func TestDeletedRowsAreThoseThatAMergeDeletes(t *testing.T) {
	for _, c := range []struct {
		a    arrow.Array
		want []bool
	}{
		{build(t, arrow.FixedWidthTypes.Boolean, func(b array.Builder) { b.(*array.BooleanBuilder).AppendValues([]bool{true, false}, nil) }), []bool{true, false, false}},
		{build(t, arrow.PrimitiveTypes.Int8, func(b array.Builder) { b.(*array.Int8Builder).AppendValues([]int8{-1, 0}, nil) }), []bool{true, false, false}},
		{build(t, arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).AppendValues([]float64{0.1, 0}, nil) }), []bool{true, false, false}},
		{
			build(t, arrow.BinaryTypes.String, func(b array.Builder) {
				b.(*array.StringBuilder).AppendValues([]string{"", "0", "FALSE", "no", " "}, nil)
			}),
			[]bool{false, false, false, true, true, false},
		},
		{build(t, arrow.FixedWidthTypes.Date32, func(b array.Builder) { b.(*array.Date32Builder).AppendValues([]arrow.Date32{0}, nil) }), []bool{true, false}},
		{
			build(t, &arrow.Decimal128Type{Precision: 20}, func(b array.Builder) {
				b.(*array.Decimal128Builder).AppendValues([]decimal128.Num{decimal128.FromI64(1), {}}, nil)
			}),
			[]bool{true, false, false},
		},
	} {
		require.Equal(t, c.want, rowsWhere(c.a, deletedRows(c.a)), c.a.DataType())
	}
}
