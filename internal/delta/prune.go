package delta

import (
	"cmp"
	"math"
	"math/big"
	"slices"
	"time"

	"tributary/internal/table"
)

// MayContain says whether the file may have a row with low <= column <= high. Bounds are as in Set; a nil
// bound is open. It is false only when there is certainly no such row: unknown statistics, nil Stats and
// bounds that do not fit the type all may contain anything. NULLs match no bounds.
func (s *Stats) MayContain(column string, t table.Type, low, high any) bool {
	if s == nil {
		return true
	}
	if nulls, ok := s.NullCount[column]; ok && s.NumRecords > 0 && nulls >= s.NumRecords {
		return false
	}
	if high != nil {
		if least, ok := s.MinValues[column]; ok && least != nil && after(t, least, high, 0) {
			return false
		}
	}
	if low != nil {
		// Some writers cut the milliseconds of an upper bound instead of rounding it up.
		if most, ok := s.MaxValues[column]; ok && most != nil && after(t, low, most, time.Millisecond) {
			return false
		}
	}
	return true
}

// after says whether a is certainly greater than b (than b plus slack, for timestamps).
func after(t table.Type, a, b any, slack time.Duration) bool {
	switch {
	case isInteger(t):
		return greater(toInt, a, b)
	case t == table.Float: // a bound is written with the digits that make it that float, not that double
		x, okX := toFloat(a)
		y, okY := toFloat(b)
		return okX && okY && float32(x) > float32(y)
	case t == table.Double:
		return greater(toFloat, a, b)
	case t == table.String:
		x, okX := a.(string)
		y, okY := b.(string)
		return okX && okY && x > y
	case t == table.Date:
		return timeAfter(a, b, 0, dateOf)
	case t == table.Timestamp:
		return timeAfter(a, b, slack, timestampOf)
	}
	if _, _, ok := t.DecimalOf(); ok {
		return decimalAfter(a, b)
	}
	return false
}

func greater[T cmp.Ordered](convert func(any) (T, bool), a, b any) bool {
	x, okX := convert(a)
	y, okY := convert(b)
	return okX && okY && x > y
}

// decimalAfter allows for bounds that are not exact: delta-rs writes those of decimals as doubles, and of whole ones as integers of 64 bits,
// the largest of which stands for all that are larger.
func decimalAfter(a, b any) bool {
	x, okX := toRat(a)
	y, okY := toRat(b)
	if !okX || !okY || slices.ContainsFunc(saturated, func(r *big.Rat) bool { return r.Cmp(x) == 0 || r.Cmp(y) == 0 }) {
		return false
	}
	slack := new(big.Rat).Add(new(big.Rat).Abs(x), new(big.Rat).Abs(y))
	slack.Quo(slack, doubleDigits)
	return x.Cmp(slack.Add(slack, y)) > 0
}

var saturated = []*big.Rat{new(big.Rat).SetInt64(math.MaxInt64), new(big.Rat).SetInt64(math.MinInt64)}

// doubleDigits makes of two values that are near each other twice what a double of their size is rounded by, at most.
var doubleDigits = new(big.Rat).SetInt64(1 << 53)

func timeAfter(a, b any, slack time.Duration, convert func(any) (time.Time, bool)) bool {
	x, okX := convert(a)
	y, okY := convert(b)
	return okX && okY && x.After(y.Add(slack))
}

func dateOf(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return time.Date(v.Year(), v.Month(), v.Day(), 0, 0, 0, 0, time.UTC), true
	case string:
		at, err := time.Parse(dateLayout, v)
		return at, err == nil
	}
	return time.Time{}, false
}

func timestampOf(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case string:
		at, err := parseTimestamp(v)
		return at, err == nil
	}
	return time.Time{}, false
}
