package rowhash_test

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
	"tributary/internal/verify/rowhash"
)

func arrayOf(t *testing.T, kind arrow.DataType, fill func(array.Builder)) arrow.Array {
	t.Helper()
	b := array.NewBuilder(memory.DefaultAllocator, kind)
	t.Cleanup(b.Release)
	fill(b)
	a := b.NewArray()
	t.Cleanup(a.Release)
	return a
}

func longs(t *testing.T, values ...int64) arrow.Array {
	t.Helper()
	return arrayOf(t, arrow.PrimitiveTypes.Int64, func(b array.Builder) { b.(*array.Int64Builder).AppendValues(values, nil) })
}

func texts(t *testing.T, values ...any) arrow.Array {
	t.Helper()
	return arrayOf(t, arrow.BinaryTypes.String, func(b array.Builder) {
		for _, v := range values {
			if v == nil {
				b.AppendNull()
			} else {
				b.(*array.StringBuilder).Append(v.(string))
			}
		}
	})
}

func hashes(t *testing.T, columns table.Schema, arrays ...arrow.Array) []uint64 {
	t.Helper()
	h, err := rowhash.New(columns)
	require.NoError(t, err)
	n := 0
	for _, a := range arrays {
		if a != nil {
			n = a.Len()
		}
	}
	out := make([]uint64, n)
	require.NoError(t, h.Rows(arrays, out))
	return out
}

func column(name string, kind table.Type) table.Column { return table.Column{Name: name, Type: kind} }

func TestNullsOfDifferentColumnsDiffer(t *testing.T) {
	two := table.Schema{column("a", table.String), column("b", table.String)}
	rows := hashes(t, two, texts(t, nil, "x", nil, ""), texts(t, "x", nil, nil, ""))
	slices.Sort(rows)
	require.Len(t, slices.Compact(rows), 4)
	require.Equal(t, hashes(t, two, texts(t, nil, nil), texts(t, "x", "y")), hashes(t, two, nil, texts(t, "x", "y")), "a column that is not there is NULL")
}

func TestTypesWidenExactly(t *testing.T) {
	small := arrayOf(t, arrow.PrimitiveTypes.Int32, func(b array.Builder) { b.(*array.Int32Builder).AppendValues([]int32{-7, 0, math.MaxInt32}, nil) })
	wide := longs(t, -7, 0, math.MaxInt32)
	decimals := func(p, s int32, values ...int64) arrow.Array {
		return arrayOf(t, &arrow.Decimal128Type{Precision: p, Scale: s}, func(b array.Builder) {
			for _, v := range values {
				b.(*array.Decimal128Builder).Append(decimal128.FromI64(v))
			}
		})
	}
	for _, c := range []struct {
		kind table.Type
		a, b arrow.Array
	}{
		{table.Long, small, wide},
		{table.Decimal(20, 0), small, wide},
		{table.Decimal(12, 2), small, decimals(12, 2, -700, 0, 100*math.MaxInt32)},
		{table.Decimal(38, 4), decimals(5, 1, -7, 0, 99999), decimals(38, 4, -7000, 0, 99999000)},
		{
			table.Double, small,
			arrayOf(t, arrow.PrimitiveTypes.Float64, func(b array.Builder) { b.(*array.Float64Builder).AppendValues([]float64{-7, 0, math.MaxInt32}, nil) }),
		},
	} {
		s := table.Schema{column("v", c.kind)}
		require.Equal(t, hashes(t, s, c.b), hashes(t, s, c.a), c.kind)
		k, err := rowhash.NewKeys(s)
		require.NoError(t, err)
		one, err := k.Encoder([]arrow.Array{c.a})
		require.NoError(t, err)
		other, err := k.Encoder([]arrow.Array{c.b})
		require.NoError(t, err)
		for i := range 3 {
			require.Equal(t, one.Append(nil, i), other.Append(nil, i), c.kind)
		}
	}
}

func TestErrTypeForWhatIsNotExact(t *testing.T) {
	for kind, a := range map[table.Type]arrow.Array{
		table.Integer: longs(t, 1), table.Double: longs(t, 1), table.Decimal(10, 0): longs(t, 1), table.String: longs(t, 1),
		table.Binary: texts(t, "a"), table.Date: texts(t, "a"), table.Timestamp: longs(t, 1), table.Boolean: longs(t, 1),
	} {
		h, err := rowhash.New(table.Schema{column("v", kind)})
		require.NoError(t, err)
		err = h.Rows([]arrow.Array{a}, make([]uint64, 1))
		require.ErrorIs(t, err, rowhash.ErrType, kind)
		require.ErrorContains(t, err, `column "v"`)
	}
	_, err := rowhash.New(table.Schema{column("v", "map<int,int>")})
	require.ErrorIs(t, err, rowhash.ErrType)
}

func TestKeysComeBackAndCompareAsTheirRows(t *testing.T) {
	columns := table.Schema{
		column("n", table.Long), column("s", table.String), column("d", table.Decimal(20, 2)), column("b", table.Binary),
		column("f", table.Double), column("o", table.Boolean), column("day", table.Date), column("at", table.Timestamp),
	}
	k, err := rowhash.NewKeys(columns)
	require.NoError(t, err)
	ordered := [][]any{
		{nil, "z", "0.00", []byte{}, 0.0, false, int64(0), int64(0)},
		{int64(math.MinInt64), "", "-1.50", []byte{}, math.Inf(-1), false, int64(-719162), int64(-1)},
		{int64(-1), "a", "-1.50", []byte{0}, 0.0, false, int64(0), int64(0)},
		{int64(-1), "a\x00", "-1.50", []byte{0}, 0.0, false, int64(0), int64(0)},
		{int64(-1), "a\x00b", "-1.50", []byte{0}, 0.0, false, int64(0), int64(0)},
		{int64(-1), "ab", "-1.50", []byte{0}, 0.0, false, int64(0), int64(0)},
		{int64(-1), "ä", "-1.50", nil, -2.5, false, int64(0), int64(0)},
		{int64(-1), "ä", "-1.50", []byte{}, -2.5, false, int64(0), int64(0)},
		{int64(-1), "ä", "-1.50", []byte{0, 0}, -2.5, false, int64(0), int64(0)},
		{int64(-1), "ä", "-1.50", []byte{0, 1}, -2.5, false, int64(0), int64(0)},
		{int64(-1), "ä", "-1.50", []byte{255}, -2.5, true, int64(0), int64(0)},
		{int64(-1), "ä", "1.50", []byte{255}, 2.5, true, int64(0), int64(0)},
		{int64(10), "ä", "123456789012345678.99", []byte{255}, 2.5, true, int64(0), int64(0)},
	}
	var last rowhash.Key
	for i, values := range ordered {
		key, err := k.Encode(values)
		require.NoError(t, err)
		back, err := k.Values(key)
		require.NoError(t, err)
		require.Equal(t, values, back)
		if i > 0 {
			require.Less(t, last, key, "row %d", i)
		}
		last = key
		for cut := range len(key) { // a damaged key is an error, and nothing worse
			_, err := k.Values(key[:cut])
			require.ErrorIs(t, err, rowhash.ErrKey)
		}
	}
	require.Equal(t, []string{"10", "ä", "123456789012345678.99", "FF", "2.5", "true", "1970-01-01", "1970-01-01 00:00:00.000000"}, k.Text(last))
	_, err = k.Encode([]any{int64(1)})
	require.ErrorIs(t, err, rowhash.ErrKey)
}

func TestRangesHoldEveryKeyOnce(t *testing.T) {
	k, err := rowhash.NewKeys(table.Schema{column("n", table.Long)})
	require.NoError(t, err)
	var sample []rowhash.Key
	for i := range int64(1000) {
		key, err := k.Encode([]any{(i * 37) % 1000})
		require.NoError(t, err)
		sample = append(sample, key)
	}
	r := rowhash.Split(sample, 8)
	require.Equal(t, 8, r.Len())
	counts := make([]int, r.Len())
	for _, key := range sample {
		counts[r.Of([]byte(key))]++
	}
	for _, n := range counts {
		require.Equal(t, 125, n)
	}
	require.Equal(t, 1, rowhash.Split(nil, 8).Len())
	require.Equal(t, 1, rowhash.Split([]rowhash.Key{sample[0], sample[0], sample[0]}, 8).Len(), "equal keys are in one range")
}

func TestSumsDoNotDependOnTheOrder(t *testing.T) {
	var one, other, part rowhash.Sum
	for i := range uint64(10) {
		one.Add(i * 0x9E3779B185EBCA87)
	}
	for i := range uint64(5) {
		other.Add((9 - i) * 0x9E3779B185EBCA87)
		part.Add(i * 0x9E3779B185EBCA87)
	}
	other.Merge(part)
	require.Equal(t, one, other)
	require.Len(t, one.String(), 32)
}

func TestPartsHoldTheirIntervals(t *testing.T) {
	r := rowhash.Ranges{"b", "d", "f"}
	part := rowhash.Part{r.Interval(0), r.Interval(2), r.Interval(3)}
	for key, want := range map[string]bool{"a": true, "b": false, "c": false, "d": true, "e": true, "f": true, "z": true} {
		require.Equal(t, want, part.Has([]byte(key)), key)
	}
	require.False(t, rowhash.Part{r.Interval(1)}.Has([]byte("z")))
	require.True(t, rowhash.Part{rowhash.Ranges(nil).Interval(0)}.Has([]byte("z")))
}

// javaBytes is what Java's BigInteger.toByteArray returns: two's complement in as few bytes as hold the sign too.
func javaBytes(v *big.Int) []byte {
	size := uint(1)
	for limit := big.NewInt(1 << 7); v.Cmp(limit) >= 0 || v.Cmp(new(big.Int).Neg(limit)) < 0; size++ {
		limit = new(big.Int).Lsh(limit, 8)
	}
	unsigned := new(big.Int).And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 8*size), big.NewInt(1)))
	return unsigned.FillBytes(make([]byte, size))
}

func TestLongDecimalsHashAsJavaWritesThem(t *testing.T) {
	var numbers []*big.Int
	for bit := range 127 {
		power := new(big.Int).Lsh(big.NewInt(1), uint(bit))
		for _, near := range []int64{-1, 0, 1} {
			n := new(big.Int).Add(power, big.NewInt(near))
			numbers = append(numbers, n, new(big.Int).Neg(n))
		}
	}
	decimals := arrayOf(t, &arrow.Decimal128Type{Precision: 38}, func(b array.Builder) {
		for _, n := range numbers {
			b.(*array.Decimal128Builder).Append(decimal128.FromBigInt(n))
		}
	})
	bytes := arrayOf(t, arrow.BinaryTypes.Binary, func(b array.Builder) {
		for _, n := range numbers {
			b.(*array.BinaryBuilder).Append(javaBytes(n))
		}
	})
	require.Equal(t, hashes(t, table.Schema{column("v", table.Binary)}, bytes), hashes(t, table.Schema{column("v", table.Decimal(38, 0))}, decimals))
}

func TestRowsOfASliceHashAsInTheWhole(t *testing.T) {
	const n = 37
	fills := []struct {
		kind table.Type
		dt   arrow.DataType
		fill func(b array.Builder, i int)
	}{
		{table.String, arrow.BinaryTypes.String, func(b array.Builder, i int) { b.(*array.StringBuilder).Append(strings.Repeat("é", i)) }},
		{table.Binary, arrow.BinaryTypes.LargeBinary, func(b array.Builder, i int) { b.(*array.BinaryBuilder).Append(make([]byte, i)) }},
		{table.Boolean, arrow.FixedWidthTypes.Boolean, func(b array.Builder, i int) { b.(*array.BooleanBuilder).Append(i%2 == 0) }},
		{table.Long, arrow.PrimitiveTypes.Int64, func(b array.Builder, i int) { b.(*array.Int64Builder).Append(int64(i)) }},
		{table.Decimal(30, 2), &arrow.Decimal128Type{Precision: 30, Scale: 2}, func(b array.Builder, i int) {
			b.(*array.Decimal128Builder).Append(decimal128.FromI64(int64(-i)))
		}},
		{table.Decimal(10, 2), &arrow.Decimal128Type{Precision: 10, Scale: 2}, func(b array.Builder, i int) {
			b.(*array.Decimal128Builder).Append(decimal128.FromI64(int64(i)))
		}},
	}
	var columns table.Schema
	var arrays []arrow.Array
	for c, f := range fills {
		columns = append(columns, column(fmt.Sprint("c", c), f.kind))
		arrays = append(arrays, arrayOf(t, f.dt, func(b array.Builder) {
			for i := range n {
				if i%(c+2) == 0 {
					b.AppendNull()
				} else {
					f.fill(b, i)
				}
			}
		}))
	}
	whole := hashes(t, columns, arrays...)
	for from := range n {
		for _, to := range []int{from, from + 1, (from + n) / 2, n} {
			part := make([]arrow.Array, len(arrays))
			for c, a := range arrays {
				part[c] = array.NewSlice(a, int64(from), int64(max(from, to)))
				t.Cleanup(part[c].Release)
			}
			require.Equal(t, whole[from:max(from, to)], hashes(t, columns, part...))
		}
	}
}
