package mariadb

import (
	"errors"

	"github.com/apache/arrow-go/v18/arrow/decimal128"
)

var errTimeOfDay = errors.New("it has a time of day, which a date has not")

// whole takes what number reads of a planned type: BIT(n), and DECIMAL where nothing is behind the point.
func whole[T int8 | int16 | int32 | int64](base string, number func(p []byte, at int) (n int64, next int, err error), low, high int64) func(*converters, *columnReader) readCell {
	return func(_ *converters, column *columnReader) readCell {
		if column.source().base != base {
			return nil
		}
		v := column.vector.(*fixed[T])
		return func(p []byte, at, row int) (int, error) {
			n, next, err := number(p, at)
			if err == nil && (n < low || n > high) {
				err = errFit
			}
			v.values[row] = T(n)
			return next, err
		}
	}
}

// wholeOf reads a DECIMAL that is a whole number.
func wholeOf(p []byte, at int) (n int64, next int, err error) {
	start, next := cellAt(p, at)
	if next < 0 {
		return 0, 0, errMalformed
	}
	number, err := parseDecimal(p[start:next], 19, 0) // as many digits as MaxInt64 has
	if err == nil && number != decimal128.FromI64(int64(number.LowBits())) {
		err = errFit
	}
	return int64(number.LowBits()), next, err
}

// decimalOfInteger takes BIGINT UNSIGNED, and all integers where they are to be decimals.
func decimalOfInteger(_ *converters, column *columnReader) readCell {
	v, f := column.vector.(*fixed[decimal128.Num]), column.field
	precision, scale, _ := column.Type.DecimalOf()
	return func(p []byte, at, row int) (int, error) {
		n, next := f.integer(p, at)
		if next < 0 {
			return 0, errMalformed
		}
		number := decimal128.FromI64(n)
		if f.beyond(n) {
			number = decimal128.FromU64(uint64(n))
		}
		var err error
		v.values[row], err = scaled(number, precision, scale)
		return next, err
	}
}

// decimalOfBytes takes DECIMAL(p, s).
func decimalOfBytes(_ *converters, column *columnReader) readCell {
	if column.source().base != "decimal" {
		return nil
	}
	v := column.vector.(*fixed[decimal128.Num])
	precision, scale, _ := column.Type.DecimalOf()
	return func(p []byte, at, row int) (int, error) {
		start, next := cellAt(p, at)
		if next < 0 {
			return 0, errMalformed
		}
		n, err := parseDecimal(p[start:next], precision, scale)
		v.values[row] = n
		return next, err
	}
}

// decimalOfBits takes BIT(n).
func decimalOfBits(_ *converters, column *columnReader) readCell {
	if column.source().base != "bit" {
		return nil
	}
	v := column.vector.(*fixed[decimal128.Num])
	precision, scale, _ := column.Type.DecimalOf()
	return func(p []byte, at, row int) (int, error) {
		u, next, err := allBitsOf(p, at)
		if err == nil {
			v.values[row], err = scaled(decimal128.FromU64(u), precision, scale)
		}
		return next, err
	}
}

// scaled is a whole number as a decimal(precision, scale).
func scaled(n decimal128.Num, precision, scale int) (decimal128.Num, error) {
	switch {
	case n == decimal128.Num{}:
		return n, nil
	case precision == scale || !n.FitsInPrecision(int32(precision-scale)):
		return n, errFit
	case scale == 0:
		return n, nil
	}
	return n.IncreaseScaleBy(int32(scale)), nil
}

// timestampOfDate takes DATE as its midnight in the datetime zone.
func timestampOfDate(c *converters, column *columnReader) readCell {
	if column.source().base != "date" {
		return nil
	}
	return timestamp(c, column)
}

// dateOfDatetime takes DATETIME as long as it is midnight.
func dateOfDatetime(c *converters, column *columnReader) readCell {
	if column.source().base != "datetime" {
		return nil
	}
	return c.days(column, errTimeOfDay)
}
