package mariadb

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tributary/internal/table"
)

var (
	errKind     = errors.New("it came as another type than planned; plan the table again")
	errFit      = errors.New("it is out of the type's range")
	errUTF8     = errors.New("it is no valid UTF-8; correct it at the source, or read the column as binary")
	errFraction = errors.New("its fractional seconds are not as planned; plan the table again, or exclude the column from this kind of server")
	errZero     = errors.New("it is a zero or impossible date and zero_dates is fail; correct it, or use zero_dates: null")
)

// converter resolves how values of a column are appended.
func (c *converters) converter(column table.SourceColumn, zone *time.Location, b array.Builder) appendValue {
	source := parseType(column.SourceType)
	switch b := b.(type) {
	case *array.Int8Builder:
		return integer(b.Append, math.MinInt8, math.MaxInt8)
	case *array.Int16Builder:
		return integer(b.Append, math.MinInt16, math.MaxInt16)
	case *array.Int32Builder:
		return integer(b.Append, math.MinInt32, math.MaxInt32)
	case *array.Int64Builder:
		if source.base == "bit" {
			return bitField(b.Append)
		}
		return integer(b.Append, math.MinInt64, math.MaxInt64)
	case *array.Float32Builder:
		return exactly(b.Append)
	case *array.Float64Builder:
		return exactly(b.Append)
	case *array.BooleanBuilder:
		return boolean(b.Append)
	case *array.Decimal128Builder:
		p, s, _ := column.Type.DecimalOf()
		return decimal(b, p, s)
	case *array.StringBuilder:
		if source.base == "time" {
			return timeOfDay(b, source.arg(0, 0))
		}
		return text(b)
	case *array.BinaryBuilder:
		return exactly(b.Append)
	case *array.Date32Builder:
		return c.date(b)
	case *array.TimestampBuilder:
		if source.base == "timestamp" {
			zone = time.UTC
		}
		return c.timestamp(b, &wallClock{zone: zone})
	}
	return func(driver.Value) error { return fmt.Errorf("no converter for %s", column.Type) }
}

func integer[T int8 | int16 | int32 | int64](add func(T), low, high int64) appendValue {
	return func(v driver.Value) error {
		n, ok := v.(int64)
		switch {
		case !ok:
			return errKind
		case n < low || n > high:
			return errFit
		}
		add(T(n))
		return nil
	}
}

// exactly takes values that the driver returns in the column's own type.
func exactly[T float32 | float64 | []byte](add func(T)) appendValue {
	return func(v driver.Value) error {
		value, ok := v.(T)
		if !ok {
			return errKind
		}
		add(value)
		return nil
	}
}

// text takes strings. The connection converts to UTF-8; what is not valid even so would break every reader.
func text(b *array.StringBuilder) appendValue {
	return func(v driver.Value) error {
		value, ok := v.([]byte)
		if !ok {
			return errKind
		}
		if !utf8.Valid(value) {
			return errUTF8
		}
		b.BinaryBuilder.Append(value)
		return nil
	}
}

// timeOfDay takes TIME(f) as text of exactly f fractional digits: the driver cuts off what the server does
// not announce.
func timeOfDay(b *array.StringBuilder, f int) appendValue {
	want := 0
	if f > 0 {
		want = f + 1
	}
	return func(v driver.Value) error {
		value, ok := v.([]byte)
		if !ok {
			return errKind
		}
		if point := bytes.IndexByte(value, '.'); (point < 0 && want > 0) || (point >= 0 && len(value)-point != want) {
			return errFraction
		}
		b.BinaryBuilder.Append(value)
		return nil
	}
}

// bitsOf reads the big-endian bytes of BIT(n), n < 64; some servers send a number.
func bitsOf(v driver.Value) (int64, error) {
	switch v := v.(type) {
	case int64:
		return v, nil
	case []byte:
		var n uint64
		if len(v) > 8 {
			return 0, errFit
		}
		for _, b := range v {
			n = n<<8 | uint64(b)
		}
		if n > math.MaxInt64 {
			return 0, errFit
		}
		return int64(n), nil
	}
	return 0, errKind
}

func bitField(add func(int64)) appendValue {
	return func(v driver.Value) error {
		n, err := bitsOf(v)
		if err == nil {
			add(n)
		}
		return err
	}
}

// boolean takes BIT(1), and TINYINT(1) where tinyint1 is boolean: any other number than 0 and 1 would be lost.
func boolean(add func(bool)) appendValue {
	return func(v driver.Value) error {
		n, err := bitsOf(v)
		if err != nil {
			return err
		}
		if n != 0 && n != 1 {
			return fmt.Errorf("%w: a boolean is 0 or 1; use tinyint1: number", errFit)
		}
		add(n == 1)
		return nil
	}
}

// zero appends NULL for a zero or impossible date and counts it, or refuses it.
func (c *converters) zero(b array.Builder) error {
	if c.failZero {
		return errZero
	}
	c.zeroDates++
	b.AppendNull()
	return nil
}

func (c *converters) date(b *array.Date32Builder) appendValue {
	return func(v driver.Value) error {
		value, ok := v.([]byte)
		if !ok {
			return errKind
		}
		days, kind := parseDate(value)
		switch kind {
		case dateMalformed:
			return errKind
		case dateZero:
			return c.zero(b)
		}
		b.Append(arrow.Date32(days))
		return nil
	}
}

func (c *converters) timestamp(b *array.TimestampBuilder, clock *wallClock) appendValue {
	utc := clock.zone == time.UTC
	return func(v driver.Value) error {
		value, ok := v.([]byte)
		if !ok {
			return errKind
		}
		micros, kind := parseDatetime(value)
		switch {
		case kind == dateMalformed:
			return errKind
		case kind == dateZero:
			return c.zero(b)
		case !utc:
			micros = clock.utc(micros)
		}
		b.Append(arrow.Timestamp(micros))
		return nil
	}
}
