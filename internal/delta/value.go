package delta

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"

	"tributary/internal/table"
)

func isInteger(t table.Type) bool {
	return t == table.Byte || t == table.Short || t == table.Integer || t == table.Long
}

// toInt returns a Go or JSON integer as int64; false when it is none or does not fit.
func toInt(value any) (int64, bool) {
	switch v := value.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case int32:
		return int64(v), true
	case int16:
		return int64(v), true
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case uint16:
		return int64(v), true
	case uint32:
		return int64(v), true
	case uint64:
		return int64(v), v <= math.MaxInt64
	case json.Number:
		n, err := strconv.ParseInt(string(v), 10, 64)
		return n, err == nil
	}
	return 0, false
}

func toFloat(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	if n, ok := toInt(value); ok {
		return float64(n), true
	}
	return 0, false
}

// toRat returns a decimal exactly: from text, a JSON number, an integer, or anything that prints as digits.
func toRat(value any) (*big.Rat, bool) {
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case json.Number:
		text = string(v)
	case fmt.Stringer:
		text = v.String()
	default:
		n, ok := toInt(value)
		if !ok {
			return nil, false
		}
		return new(big.Rat).SetInt64(n), true
	}
	// Rat would also take fractions, hexadecimal and huge exponents: none is a decimal of 38 digits.
	if len(text) == 0 || len(text) > 64 || strings.Trim(text, "0123456789+-.eE") != "" {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(text), "e"); ok {
		if n, err := strconv.Atoi(exponent); err != nil || n > 64 || n < -64 {
			return nil, false
		}
	}
	return new(big.Rat).SetString(text)
}

// decimalText writes a value with the scale of decimal type t; false when digits would be lost.
func decimalText(t table.Type, value any) (string, bool) {
	precision, scale, ok := t.DecimalOf()
	if !ok {
		return "", false
	}
	exact, ok := toRat(value)
	if !ok {
		return "", false
	}
	text := exact.FloatString(scale)
	back, _ := new(big.Rat).SetString(text)
	digits := len(strings.TrimLeft(strings.Trim(strings.Replace(text, ".", "", 1), "-"), "0"))
	return text, back.Cmp(exact) == 0 && digits <= precision
}
