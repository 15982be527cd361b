package delta

import (
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"tributary/internal/table"
)

// Layouts of partition values. Timestamps are written with their zone, so that no reader takes them
// for its own local time.
const (
	dateLayout      = "2006-01-02"
	timestampLayout = "2006-01-02T15:04:05.000000Z"
)

// timestampLayouts are what other writers use; without a zone they mean UTC here.
var timestampLayouts = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999Z07:00", dateLayout}

// PartitionValue writes a value as the log has it: nil is NULL. Values are Go's natural ones: integers,
// floats, bool, string, time.Time, exact text for decimals. An empty string is an error, because Delta cannot
// tell it from NULL; so is a binary value, whose text form writers do not agree on.
func PartitionValue(t table.Type, value any) (*string, error) {
	if value == nil {
		return nil, nil
	}
	text, err := partitionText(t, value)
	if err != nil {
		return nil, fmt.Errorf("%w: partition value %v of type %s: %w", ErrInvalid, value, t, err)
	}
	return &text, nil
}

func partitionText(t table.Type, value any) (string, error) {
	switch {
	case t == table.String:
		return stringPartition(value)
	case isInteger(t):
		n, ok := toInt(value)
		if !ok {
			return "", fmt.Errorf("%T is not an integer", value)
		}
		return strconv.FormatInt(n, 10), nil
	case t == table.Boolean:
		b, ok := value.(bool)
		if !ok {
			return "", fmt.Errorf("%T is not a boolean", value)
		}
		return strconv.FormatBool(b), nil
	case t == table.Float || t == table.Double:
		return floatPartition(t, value)
	case t == table.Date || t == table.Timestamp:
		at, ok := value.(time.Time)
		if !ok {
			return "", fmt.Errorf("%T is not a time", value)
		}
		if t == table.Date {
			return at.Format(dateLayout), nil
		}
		return at.UTC().Format(timestampLayout), nil
	}
	if _, _, ok := t.DecimalOf(); ok {
		if text, ok := decimalText(t, value); ok {
			return text, nil
		}
		return "", fmt.Errorf("%T does not fit", value)
	}
	return "", fmt.Errorf("a column of this type cannot be a partition column")
}

func stringPartition(value any) (string, error) {
	text, ok := value.(string)
	switch {
	case !ok:
		return "", fmt.Errorf("%T is not a string", value)
	case text == "":
		return "", fmt.Errorf("an empty string would be read as NULL: fill it, or choose another partition column")
	case !utf8.ValidString(text):
		return "", fmt.Errorf("not valid UTF-8")
	}
	return text, nil
}

func floatPartition(t table.Type, value any) (string, error) {
	f, ok := toFloat(value)
	if !ok {
		return "", fmt.Errorf("%T is not a number", value)
	}
	if math.IsInf(f, 0) { // Java's names
		return map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0], nil
	}
	bits := 64
	if t == table.Float {
		bits = 32
	}
	return strconv.FormatFloat(f, 'g', -1, bits), nil
}

// ParsePartitionValue is the inverse of PartitionValue: int64, float64, bool, string, time.Time in UTC, the exact
// text of a decimal, or nil for NULL.
func ParsePartitionValue(t table.Type, value *string) (any, error) {
	if value == nil || *value == "" {
		return nil, nil
	}
	parsed, err := parsePartition(t, *value)
	if err != nil {
		return nil, fmt.Errorf("%w: partition value %q is not a %s", ErrCorrupt, *value, t)
	}
	return parsed, nil
}

func parsePartition(t table.Type, text string) (any, error) {
	switch {
	case t == table.String:
		return text, nil
	case isInteger(t):
		return strconv.ParseInt(text, 10, 64)
	case t == table.Boolean:
		return strconv.ParseBool(text)
	case t == table.Float || t == table.Double:
		return strconv.ParseFloat(text, 64)
	case t == table.Date:
		return time.Parse(dateLayout, text)
	case t == table.Timestamp:
		return parseTimestamp(text)
	}
	if _, _, ok := t.DecimalOf(); ok {
		if _, ok := toRat(text); ok {
			return text, nil
		}
	}
	return nil, fmt.Errorf("no value of type %s", t)
}

func parseTimestamp(text string) (time.Time, error) {
	for _, layout := range timestampLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a timestamp", text)
}
