package mariadb

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"tributary/internal/table"
)

var (
	errNull      = errors.New("the column is NOT NULL; plan the table again")
	errKind      = errors.New("it came as another type than planned; plan the table again")
	errFit       = errors.New("it is out of the type's range")
	errUTF8      = errors.New("it is no valid UTF-8; correct it at the source, or read it as binary, which types can do for texts other than the cursor and deletes.column")
	errCharacter = errors.New("it has bytes that its character set has no character for; correct it at the source, or read it as binary, which types can do for texts other than the cursor and deletes.column")
	errFraction  = errors.New("its fractional seconds are not as planned; plan the table again, or exclude the column from this kind of server")
	errZero      = errors.New("it is a zero or impossible date and zero_dates is fail; correct it, or use zero_dates: null")
)

// readCell sets a row of its column to the value at p[at:], which is not NULL, and returns where the next one
// begins. A value that ends behind p is errMalformed.
type readCell func(p []byte, at, row int) (next int, err error)

// pair is how a column is sent and what it becomes. All decimals are table.Decimal(0, 0) here.
type pair struct {
	from encoding
	to   table.Type
}

var anyDecimal = table.Decimal(0, 0)

// readers is every pair that is read: each resolves how, or returns nil where the planned source type forbids it.
// What is not in it is errKind at the first value that is not NULL.
var readers = map[pair]func(c *converters, column *columnReader) readCell{
	{asInteger, table.Byte}:       integer[int8](math.MinInt8, math.MaxInt8),
	{asInteger, table.Short}:      integer[int16](math.MinInt16, math.MaxInt16),
	{asInteger, table.Integer}:    integer[int32](math.MinInt32, math.MaxInt32),
	{asInteger, table.Long}:       integer[int64](math.MinInt64, math.MaxInt64),
	{asInteger, table.Boolean}:    booleanOfInteger,
	{asInteger, anyDecimal}:       decimalOfInteger,
	{asFloat, table.Float}:        floating[float32],
	{asFloat, table.Double}:       floating[float64],
	{asDouble, table.Double}:      floating[float64],
	{asBits, table.Boolean}:       booleanOfBits,
	{asBits, table.Byte}:          whole[int8]("bit", bitsOf, math.MinInt8, math.MaxInt8),
	{asBits, table.Short}:         whole[int16]("bit", bitsOf, math.MinInt16, math.MaxInt16),
	{asBits, table.Integer}:       whole[int32]("bit", bitsOf, math.MinInt32, math.MaxInt32),
	{asBits, table.Long}:          whole[int64]("bit", bitsOf, math.MinInt64, math.MaxInt64),
	{asBits, table.Binary}:        bytesOfBits,
	{asBits, anyDecimal}:          decimalOfBits,
	{asBytes, table.Byte}:         whole[int8]("decimal", wholeOf, math.MinInt8, math.MaxInt8),
	{asBytes, table.Short}:        whole[int16]("decimal", wholeOf, math.MinInt16, math.MaxInt16),
	{asBytes, table.Integer}:      whole[int32]("decimal", wholeOf, math.MinInt32, math.MaxInt32),
	{asBytes, table.Long}:         whole[int64]("decimal", wholeOf, math.MinInt64, math.MaxInt64),
	{asBytes, table.String}:       text,
	{asBytes, table.Binary}:       text,
	{asBytes, anyDecimal}:         decimalOfBytes,
	{asDate, table.Date}:          date,
	{asDate, table.Timestamp}:     timestampOfDate,
	{asDatetime, table.Date}:      dateOfDatetime,
	{asDatetime, table.Timestamp}: timestamp,
	{asInstant, table.Timestamp}:  timestamp,
	{asTime, table.String}:        timeOfDay,
}

// reader resolves how the column's values are read.
func (c *converters) reader(column *columnReader) readCell {
	to := column.Type
	if _, _, ok := to.DecimalOf(); ok {
		to = anyDecimal
	}
	if resolve, ok := readers[pair{column.field.encoding, to}]; ok {
		if read := resolve(c, column); read != nil {
			return read
		}
	}
	return func([]byte, int, int) (int, error) { return 0, errKind }
}

// source is the column's type as it was planned.
func (c *columnReader) source() sourceType { return parseType(c.SourceType) }

func integer[T int8 | int16 | int32 | int64](low, high int64) func(*converters, *columnReader) readCell {
	return func(_ *converters, column *columnReader) readCell {
		v, f := column.vector.(*fixed[T]), column.field
		return func(p []byte, at, row int) (int, error) {
			n, next := f.integer(p, at)
			switch {
			case next < 0:
				return 0, errMalformed
			case n < low || n > high || f.beyond(n):
				return 0, errFit
			}
			v.values[row] = T(n)
			return next, nil
		}
	}
}

// integer reads an integer of the field's width; next is -1 when it does not end in p.
func (f *field) integer(p []byte, at int) (n int64, next int) {
	next = at + f.width
	if next > len(p) {
		return 0, -1
	}
	switch f.width {
	case 1:
		if n = int64(int8(p[at])); f.unsigned {
			n = int64(uint8(n))
		}
	case 2:
		if n = int64(int16(binary.LittleEndian.Uint16(p[at:]))); f.unsigned {
			n = int64(uint16(n))
		}
	case 4:
		if n = int64(int32(binary.LittleEndian.Uint32(p[at:]))); f.unsigned {
			n = int64(uint32(n))
		}
	default:
		n = int64(binary.LittleEndian.Uint64(p[at:]))
	}
	return n, next
}

// beyond says whether n, as integer returned it, stands for a number above every int64.
func (f *field) beyond(n int64) bool { return n < 0 && f.unsigned }

// toBoolean sets a row. Any other number than 0 and 1 would be lost.
func (v *booleans) toBoolean(row int, n int64) error {
	switch n {
	case 1:
		v.set(row)
	case 0:
	default:
		return fmt.Errorf("%w: a boolean is 0 or 1; read the column as a number", errFit)
	}
	return nil
}

// booleanOfInteger takes TINYINT(1) where tinyint1 is boolean, and BIT(1) of servers that send a number.
func booleanOfInteger(_ *converters, column *columnReader) readCell {
	v, f := column.vector.(*booleans), column.field
	return func(p []byte, at, row int) (int, error) {
		n, next := f.integer(p, at)
		if next < 0 {
			return 0, errMalformed
		}
		return next, v.toBoolean(row, n)
	}
}

func booleanOfBits(_ *converters, column *columnReader) readCell {
	if column.source().base != "bit" {
		return nil
	}
	v := column.vector.(*booleans)
	return func(p []byte, at, row int) (int, error) {
		n, next, err := bitsOf(p, at)
		if err != nil {
			return 0, err
		}
		return next, v.toBoolean(row, n)
	}
}

// bytesOfBits takes BIT(64).
func bytesOfBits(c *converters, column *columnReader) readCell {
	if column.source().base != "bit" {
		return nil
	}
	return text(c, column)
}

// bitsOf reads the big-endian bytes of BIT(n), as long as the number fits.
func bitsOf(p []byte, at int) (n int64, next int, err error) {
	u, next, err := allBitsOf(p, at)
	if err == nil && u > math.MaxInt64 {
		err = errFit
	}
	return int64(u), next, err
}

func allBitsOf(p []byte, at int) (u uint64, next int, err error) {
	start, next := cellAt(p, at)
	if next < 0 {
		return 0, 0, errMalformed
	}
	if next-start > 8 {
		return 0, 0, errFit
	}
	for _, b := range p[start:next] {
		u = u<<8 | uint64(b)
	}
	return u, next, nil
}

// floating takes FLOAT and DOUBLE; a FLOAT is the same number as a double.
func floating[T float32 | float64](_ *converters, column *columnReader) readCell {
	v := column.vector.(*fixed[T])
	if column.field.encoding == asFloat {
		return func(p []byte, at, row int) (int, error) {
			if at+4 > len(p) {
				return 0, errMalformed
			}
			v.values[row] = T(math.Float32frombits(binary.LittleEndian.Uint32(p[at:])))
			return at + 4, nil
		}
	}
	return func(p []byte, at, row int) (int, error) {
		if at+8 > len(p) {
			return 0, errMalformed
		}
		v.values[row] = T(math.Float64frombits(binary.LittleEndian.Uint64(p[at:])))
		return at + 8, nil
	}
}

// text takes strings and bytes. The connection converts strings to UTF-8; what is not valid even so would
// break every reader, and is found when the batch is taken.
func text(_ *converters, column *columnReader) readCell {
	if column.source().base == "time" {
		return nil
	}
	v := column.vector.(*texts)
	return func(p []byte, at, row int) (int, error) {
		start, next := cellAt(p, at)
		if next < 0 {
			return 0, errMalformed
		}
		if end := v.used + next - start; end <= len(v.bytes) { // add, without a call
			copy(v.bytes[v.used:end], p[start:next])
			v.used, v.offsets[row+1] = end, int32(end)
			return next, nil
		}
		v.add(row, p[start:next])
		return next, nil
	}
}

// noDate makes a row NULL for its zero or impossible date and counts it, or refuses it; all else that datetime returns stays an error.
func (c *converters) noDate(v vector, row, next int, why error) (int, error) {
	switch {
	case why != errZeroDate: //nolint:errorlint // datetime wraps none
		return 0, why
	case c.failZero:
		return 0, errZero
	}
	c.zeroDates++
	v.null(row)
	return next, nil
}

// date takes DATE.
func date(c *converters, column *columnReader) readCell { return c.days(column, errKind) }

// days takes dates; what has a time of day is an error.
func (c *converters) days(column *columnReader, timeOfDay error) readCell {
	v := column.vector.(*fixed[arrow.Date32])
	var memo dayMemo
	return func(p []byte, at, row int) (int, error) {
		days, micros, next, err := memo.datetime(p, at)
		switch {
		case err != nil:
			return c.noDate(v, row, next, err)
		case micros != 0:
			return 0, timeOfDay
		}
		v.values[row] = arrow.Date32(days)
		return next, nil
	}
}

func timestamp(c *converters, column *columnReader) readCell {
	v := column.vector.(*fixed[arrow.Timestamp])
	clock := wallClock{zone: c.zone}
	utc := c.zone == time.UTC || column.source().base == "timestamp"
	var memo dayMemo
	return func(p []byte, at, row int) (int, error) {
		days, micros, next, err := memo.datetime(p, at)
		if err != nil {
			return c.noDate(v, row, next, err)
		}
		micros += days * dayMicros
		if !utc {
			micros = clock.utc(micros)
		}
		v.values[row] = arrow.Timestamp(micros)
		return next, nil
	}
}

// timeOfDay takes TIME(f) as text of exactly f fractional digits.
func timeOfDay(_ *converters, column *columnReader) readCell {
	v := column.vector.(*texts)
	digits := column.source().arg(0, 0)
	var text []byte
	return func(p []byte, at, row int) (next int, err error) {
		if text, next, err = appendTime(text[:0], p, at, digits); err != nil {
			return 0, err
		}
		v.add(row, text)
		return next, nil
	}
}
