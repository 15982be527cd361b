package rowhash

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"tributary/internal/table"
)

// form is how Spark hashes the values of a type: see HashExpression in its source.
type form int

const (
	asInt     form = iota // boolean, byte, short, integer, date
	asLong                // long, timestamp
	asFloat               // the bits of a float
	asDouble              // the bits of a double
	asDecimal             // unscaled, as a long up to 18 digits, else as Java's BigInteger writes it
	asBytes               // string, binary
)

// kind is a type as it is hashed.
type kind struct {
	form             form
	typ              table.Type
	precision, scale int
}

// longDigits is up to which precision Spark keeps a decimal in a long.
const longDigits = 18

var forms = map[table.Type]form{
	table.Boolean: asInt, table.Byte: asInt, table.Short: asInt, table.Integer: asInt, table.Date: asInt,
	table.Long: asLong, table.Timestamp: asLong, table.Float: asFloat, table.Double: asDouble,
	table.String: asBytes, table.Binary: asBytes,
}

func kindOf(t table.Type) (kind, error) {
	if p, s, ok := t.DecimalOf(); ok {
		return kind{form: asDecimal, typ: t, precision: p, scale: s}, nil
	}
	f, ok := forms[t]
	if !ok {
		return kind{}, fmt.Errorf("%w: %q has no checksum", ErrType, t)
	}
	return kind{form: f, typ: t}, nil
}

// add chains the values of an array; NULLs leave the chain as it is.
func (k kind) add(a arrow.Array, out []uint64) error {
	switch a := a.(type) {
	case *array.Boolean:
		if k.typ == table.Boolean {
			return booleans(a, out)
		}
	case *array.Int8:
		return integers(k, a, a.Int8Values(), out)
	case *array.Int16:
		return integers(k, a, a.Int16Values(), out)
	case *array.Int32:
		return integers(k, a, a.Int32Values(), out)
	case *array.Int64:
		return integers(k, a, a.Int64Values(), out)
	case *array.Date32:
		if k.typ == table.Date {
			return each(a, a.Date32Values(), out, func(v arrow.Date32, h uint64) uint64 { return hash4(uint32(v), h) })
		}
	case *array.Timestamp:
		if k.typ == table.Timestamp && a.DataType().(*arrow.TimestampType).Unit == arrow.Microsecond {
			return each(a, a.TimestampValues(), out, func(v arrow.Timestamp, h uint64) uint64 { return hash8(uint64(v), h) })
		}
	case *array.Float32:
		return k.floats(a, out)
	case *array.Float64:
		if k.form == asDouble {
			return each(a, a.Float64Values(), out, func(v float64, h uint64) uint64 { return hash8(doubleBits(v), h) })
		}
	case *array.Decimal128:
		return k.decimals(a, out)
	case *array.String, *array.Binary, *array.LargeString, *array.LargeBinary:
		return k.texts(a, out)
	case *array.Null:
		return nil
	}
	return k.misfit(a)
}

func (k kind) misfit(a arrow.Array) error {
	return fmt.Errorf("%w: %s as %s", ErrType, a.DataType(), k.typ)
}

// each chains what f makes of the values that are not NULL.
func each[T any](a arrow.Array, values []T, out []uint64, f func(T, uint64) uint64) error {
	valid := validity(a)
	if valid.all() {
		for i, v := range values {
			out[i] = f(v, out[i])
		}
		return nil
	}
	for i, v := range values {
		if valid.has(i) {
			out[i] = f(v, out[i])
		}
	}
	return nil
}

func booleans(a *array.Boolean, out []uint64) error {
	for i := range out {
		if a.IsNull(i) {
			continue
		}
		var v uint32
		if a.Value(i) {
			v = 1
		}
		out[i] = hash4(v, out[i])
	}
	return nil
}

// integers are exact in wider integers, and in decimals and doubles that have room for their digits.
func integers[T int8 | int16 | int32 | int64](k kind, a arrow.Array, values []T, out []uint64) error {
	if !fits[a.DataType().ID()].Fits(k.typ) {
		return k.misfit(a)
	}
	switch k.form {
	case asInt:
		return each(a, values, out, func(v T, h uint64) uint64 { return hash4(uint32(int32(v)), h) })
	case asLong:
		return each(a, values, out, func(v T, h uint64) uint64 { return hash8(uint64(int64(v)), h) })
	case asDouble:
		return each(a, values, out, func(v T, h uint64) uint64 { return hash8(doubleBits(float64(v)), h) })
	case asDecimal:
		return each(a, values, out, func(v T, h uint64) uint64 { return k.decimal(decimal128.FromI64(int64(v)), 0, h) })
	}
	return k.misfit(a)
}

// fits are the central types of Arrow's integers.
var fits = map[arrow.Type]table.Type{arrow.INT8: table.Byte, arrow.INT16: table.Short, arrow.INT32: table.Integer, arrow.INT64: table.Long}

func (k kind) floats(a *array.Float32, out []uint64) error {
	switch k.form {
	case asFloat:
		return each(a, a.Float32Values(), out, func(v float32, h uint64) uint64 { return hash4(floatBits(v), h) })
	case asDouble:
		return each(a, a.Float32Values(), out, func(v float32, h uint64) uint64 { return hash8(doubleBits(float64(v)), h) })
	}
	return k.misfit(a)
}

// floatBits are the bits as Java's floatToIntBits has them, with one zero.
func floatBits(v float32) uint32 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 0x7fc00000
	}
	return math.Float32bits(v)
}

// doubleBits are the bits as Java's doubleToLongBits has them, with one zero.
func doubleBits(v float64) uint64 {
	switch {
	case v == 0:
		return 0
	case v != v:
		return 0x7ff8000000000000
	}
	return math.Float64bits(v)
}

func (k kind) decimals(a *array.Decimal128, out []uint64) error {
	t := a.DataType().(*arrow.Decimal128Type)
	if k.form != asDecimal || !table.Decimal(int(t.Precision), int(t.Scale)).Fits(k.typ) {
		return k.misfit(a)
	}
	switch scale := int(t.Scale); {
	case scale < k.scale:
		return each(a, a.Values(), out, func(v decimal128.Num, h uint64) uint64 { return k.decimal(v, scale, h) })
	case k.precision <= longDigits:
		return each(a, a.Values(), out, func(v decimal128.Num, h uint64) uint64 { return hash8(v.LowBits(), h) })
	}
	return each(a, a.Values(), out, hashDecimal)
}

func (k kind) decimal(v decimal128.Num, scale int, h uint64) uint64 {
	if scale < k.scale {
		v = v.IncreaseScaleBy(int32(k.scale - scale))
	}
	if k.precision <= longDigits {
		return hash8(v.LowBits(), h)
	}
	return hashDecimal(v, h)
}

func hashDecimal(v decimal128.Num, h uint64) uint64 {
	var b [16]byte
	return hashBytes(bigInteger(v, &b), h)
}

// bigInteger writes a number as Java's BigInteger.toByteArray: big-endian, as short as its sign allows.
func bigInteger(v decimal128.Num, b *[16]byte) []byte {
	hi, lo := uint64(v.HighBits()), v.LowBits()
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	sign := uint64(int64(hi) >> 63)
	digits := bits.Len64(lo ^ sign) // in binary, without the sign
	if hi != sign {
		digits = 64 + bits.Len64(hi^sign)
	}
	return b[15-digits/8:]
}

func (k kind) texts(a arrow.Array, out []uint64) error {
	if value, isText := bytesOf(a); value == nil || k.form != asBytes || isText != (k.typ == table.String) {
		return k.misfit(a)
	}
	switch a.(type) {
	case *array.String, *array.Binary:
		hashCells[int32](a, out)
	default:
		hashCells[int64](a, out)
	}
	return nil
}

// hashCells chains the cells of an array of texts or bytes, by its offsets.
func hashCells[T int32 | int64](a arrow.Array, out []uint64) {
	data := a.Data()
	if data.Len() == 0 {
		return
	}
	offsets := arrow.GetOffsets[T](data, 1)
	var cells []byte
	if values := data.Buffers()[2]; values != nil {
		cells = values.Bytes()
	}
	valid := validity(a)
	for i := range out {
		if valid.has(i) {
			out[i] = hashBytes(cells[offsets[i]:offsets[i+1]], out[i])
		}
	}
}
