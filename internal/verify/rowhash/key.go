package rowhash

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow/decimal128"

	"tributary/internal/table"
)

// Key is the ids of a row, encoded so that keys compare byte by byte as their rows do in Spark and DuckDB: numbers by value,
// texts and bytes in binary order, column by column. Equal ids have equal keys whatever integer or decimal type they came as.
type Key string

// ErrKey is a key that is not of the key's columns.
var ErrKey = errors.New("key is not of these columns")

// Keys encodes and decodes the keys of a table.
type Keys struct{ columns table.Schema }

// NewKeys returns what encodes keys of those columns, with the lake's types.
func NewKeys(columns table.Schema) (*Keys, error) {
	for _, c := range columns {
		if _, err := kindOf(c.Type); err != nil {
			return nil, fmt.Errorf("id %q: %w", c.Name, err)
		}
	}
	return &Keys{columns: columns}, nil
}

// Columns are the columns of the key.
func (k *Keys) Columns() table.Schema { return k.columns }

// Marks before each value of a key. NULL comes first, as it does in an ascending ORDER BY of Spark.
const (
	isNull  = 0
	isValue = 1
)

func appendInteger(key []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(key, isValue), uint64(v)^1<<63)
}

func appendDecimal(key []byte, v decimal128.Num) []byte {
	key = binary.BigEndian.AppendUint64(append(key, isValue), uint64(v.HighBits())^1<<63)
	return binary.BigEndian.AppendUint64(key, v.LowBits())
}

func appendDouble(key []byte, v float64) []byte {
	bits := doubleBits(v)
	if bits>>63 == 1 {
		bits = ^bits
	} else {
		bits |= 1 << 63
	}
	return binary.BigEndian.AppendUint64(append(key, isValue), bits)
}

func appendBoolean(key []byte, v bool) []byte {
	if v {
		return append(key, isValue, 1)
	}
	return append(key, isValue, 0)
}

// appendBytes ends a value with 0 1 and writes a zero byte within it as 0 255, so that a value is less than any that it begins.
func appendBytes(key, value []byte) []byte {
	key = append(key, isValue)
	for {
		i := bytes.IndexByte(value, 0)
		if i < 0 {
			return append(append(key, value...), 0, 1)
		}
		key = append(append(key, value[:i]...), 0, 255)
		value = value[i+1:]
	}
}

// Encode makes a key of Go's natural values, as a lake's SQL returns them: integers and dates (days) and timestamps (µs) as
// int64, decimals as text, and nil for NULL.
func (k *Keys) Encode(values []any) (Key, error) {
	if len(values) != len(k.columns) {
		return "", fmt.Errorf("%w: %d values for %d ids", ErrKey, len(values), len(k.columns))
	}
	var key []byte
	for i, v := range values {
		var err error
		if key, err = appendValue(key, k.columns[i].Type, v); err != nil {
			return "", fmt.Errorf("id %q: %w", k.columns[i].Name, err)
		}
	}
	return Key(key), nil
}

func appendValue(key []byte, t table.Type, value any) ([]byte, error) {
	if _, s, ok := t.DecimalOf(); ok && value != nil {
		text, _ := value.(string)
		n, ok := ParseDecimal(text, s)
		if !ok {
			return nil, fmt.Errorf("%w: %v is no %s", ErrKey, value, t)
		}
		return appendDecimal(key, n), nil
	}
	switch v := value.(type) {
	case nil:
		return append(key, isNull), nil
	case int64:
		return appendInteger(key, v), nil
	case float64:
		return appendDouble(key, v), nil
	case bool:
		return appendBoolean(key, v), nil
	case string:
		return appendBytes(key, []byte(v)), nil
	case []byte:
		return appendBytes(key, v), nil
	}
	return nil, fmt.Errorf("%w: %T as %s", ErrKey, value, t)
}

// ParseDecimal reads digits with at most one point, to as many after it as the scale has; false when it is no such number.
func ParseDecimal(text string, scale int) (decimal128.Num, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > scale {
		return decimal128.Num{}, false
	}
	n, ok := new(big.Int).SetString(whole+fraction+strings.Repeat("0", scale-len(fraction)), 10)
	if !ok || n.BitLen() > 127 {
		return decimal128.Num{}, false
	}
	return decimal128.FromBigInt(n), true
}

// Values are a key's values: int64 for integers, dates (days) and timestamps (µs), text for decimals,
// float64, bool, string, []byte, or nil.
func (k *Keys) Values(key Key) ([]any, error) {
	rest := []byte(key)
	values := make([]any, len(k.columns))
	for i, c := range k.columns {
		var err error
		if values[i], rest, err = nextValue(rest, c.Type); err != nil {
			return nil, fmt.Errorf("id %q: %w", c.Name, err)
		}
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%w: it is too long", ErrKey)
	}
	return values, nil
}

func nextValue(key []byte, t table.Type) (value any, rest []byte, err error) {
	if len(key) == 0 {
		return nil, nil, fmt.Errorf("%w: it is too short", ErrKey)
	}
	mark := key[0]
	if key = key[1:]; mark == isNull {
		return nil, key, nil
	}
	kind, err := kindOf(t)
	if err != nil {
		return nil, nil, err
	}
	if kind.form == asBytes {
		return nextBytes(key, t)
	}
	size := 8
	switch {
	case kind.form == asDecimal:
		size = 16
	case t == table.Boolean:
		size = 1
	}
	if len(key) < size {
		return nil, nil, fmt.Errorf("%w: it is too short", ErrKey)
	}
	return fixedValue(key[:size], kind), key[size:], nil
}

func fixedValue(b []byte, k kind) any {
	switch {
	case k.typ == table.Boolean:
		return b[0] == 1
	case k.form == asDecimal:
		hi, lo := binary.BigEndian.Uint64(b)^1<<63, binary.BigEndian.Uint64(b[8:])
		return decimal128.New(int64(hi), lo).ToString(int32(k.scale))
	case k.form == asFloat || k.form == asDouble:
		bits := binary.BigEndian.Uint64(b)
		if bits>>63 == 1 {
			bits &^= 1 << 63
		} else {
			bits = ^bits
		}
		return math.Float64frombits(bits)
	}
	return int64(binary.BigEndian.Uint64(b) ^ 1<<63)
}

func nextBytes(key []byte, t table.Type) (any, []byte, error) {
	value := []byte{}
	for {
		i := bytes.IndexByte(key, 0)
		if i < 0 || i+1 == len(key) {
			return nil, nil, fmt.Errorf("%w: a value does not end", ErrKey)
		}
		value = append(value, key[:i]...)
		end := key[i+1] == 1
		if key = key[i+2:]; !end {
			value = append(value, 0)
			continue
		}
		if t == table.String {
			return string(value), key, nil
		}
		return value, key, nil
	}
}

// Text is a key for people: its values, in order, as the lake would print them.
func (k *Keys) Text(key Key) []string {
	values, err := k.Values(key)
	if err != nil {
		return []string{fmt.Sprintf("%x", string(key))}
	}
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = Text(k.columns[i].Type, v)
	}
	return texts
}

// Text writes a value as Values has it.
func Text(t table.Type, value any) string {
	switch v := value.(type) {
	case nil:
		return "NULL"
	case int64:
		switch t {
		case table.Date:
			return time.Unix(v*24*60*60, 0).UTC().Format(time.DateOnly)
		case table.Timestamp:
			return time.UnixMicro(v).UTC().Format("2006-01-02 15:04:05.000000")
		}
		return strconv.FormatInt(v, 10)
	case []byte:
		return strings.ToUpper(fmt.Sprintf("%x", v))
	}
	return fmt.Sprint(value)
}
