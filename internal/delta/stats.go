package delta

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tributary/internal/table"
)

// Stats are the statistics of one data file. Values are as the log has them: json.Number, string,
// bool, or nested maps in tables of others. MinValues and MaxValues are bounds, not always values that occur.
type Stats struct {
	NumRecords int64 // of the file, with those that a deletion vector takes out; negative when not known
	MinValues  map[string]any
	MaxValues  map[string]any
	NullCount  map[string]int64
	WideBounds bool // rows that reach the bounds may have been deleted since, and NULLs too; still, no row is outside of them
}

// statsJSON is Stats as the protocol spells it. nullCount may nest in tables of others.
type statsJSON struct {
	NumRecords  *int64         `json:"numRecords,omitempty"` // writers may leave it out
	MinValues   map[string]any `json:"minValues"`
	MaxValues   map[string]any `json:"maxValues"`
	NullCount   map[string]any `json:"nullCount"`
	TightBounds *bool          `json:"tightBounds,omitempty"` // absent is true
}

type lazyStats struct {
	once  sync.Once
	stats *Stats
	err   error
}

// maxStatsString is how many characters of a string the statistics keep, as in Spark.
const maxStatsString = 32

// NewStats returns the statistics of a file of that many rows, without columns.
func NewStats(numRecords int64) *Stats {
	return &Stats{
		NumRecords: numRecords,
		MinValues:  map[string]any{}, MaxValues: map[string]any{}, NullCount: map[string]int64{},
	}
}

// ParseStats parses the JSON of Add.Stats. Numbers keep their digits.
func ParseStats(text string) (*Stats, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var raw statsJSON
	if err := decoder.Decode(&raw); err != nil {
		return nil, fmt.Errorf("%w: statistics %.80q: %w", ErrCorrupt, text, err)
	}
	s := NewStats(-1)
	if raw.NumRecords != nil {
		s.NumRecords = *raw.NumRecords
	}
	s.WideBounds = raw.TightBounds != nil && !*raw.TightBounds
	if raw.MinValues != nil {
		s.MinValues = raw.MinValues
	}
	if raw.MaxValues != nil {
		s.MaxValues = raw.MaxValues
	}
	for column, count := range raw.NullCount {
		if n, ok := toInt(count); ok {
			s.NullCount[column] = n
		}
	}
	return s, nil
}

// JSON returns the statistics as Add.Stats has them.
func (s *Stats) JSON() (string, error) {
	nulls := make(map[string]any, len(s.NullCount))
	for column, count := range s.NullCount {
		nulls[column] = count
	}
	raw := statsJSON{nil, s.MinValues, s.MaxValues, nulls, nil}
	if s.NumRecords >= 0 {
		raw.NumRecords = &s.NumRecords
	}
	if s.WideBounds {
		raw.TightBounds = new(bool)
	}
	text, err := json.Marshal(raw)
	return string(text), err
}

// Set records a column's smallest and largest value and how many NULLs it has. Values are Go's natural
// ones: integers, floats, bool, string, time.Time for date and timestamp, text for decimals; nil is unknown
// (or all NULL). A bound that the format cannot state (NaN, infinity, years after 9999, binary) is left out,
// as are both bounds of a float column when either is NaN. Strings and timestamps are
// shortened outwards, so that they stay bounds.
func (s *Stats) Set(column string, t table.Type, low, high any, nullCount int64) error {
	s.NullCount[column] = nullCount
	if isNaN(low) || isNaN(high) {
		return nil
	}
	if err := setBound(s.MinValues, column, t, low, false); err != nil {
		return err
	}
	return setBound(s.MaxValues, column, t, high, true)
}

func isNaN(value any) bool {
	f, ok := toFloat(value)
	return ok && math.IsNaN(f)
}

func setBound(bounds map[string]any, column string, t table.Type, value any, upper bool) error {
	if value == nil {
		return nil
	}
	bound, err := statsBound(t, value, upper)
	if err != nil {
		return fmt.Errorf("%w: statistics of column %q (%s): %w", ErrInvalid, column, t, err)
	}
	if bound != nil {
		bounds[column] = bound
	}
	return nil
}

// statsBound returns the JSON value of a bound, nil when the format cannot state it.
func statsBound(t table.Type, value any, upper bool) (any, error) {
	switch {
	case isInteger(t):
		if n, ok := toInt(value); ok {
			return json.Number(strconv.FormatInt(n, 10)), nil
		}
	case t == table.Float || t == table.Double:
		if f, ok := toFloat(value); ok {
			return floatBound(t, f), nil
		}
	case t == table.String:
		if text, ok := value.(string); ok {
			return stringBound(text, upper), nil
		}
	case t == table.Date || t == table.Timestamp:
		if at, ok := value.(time.Time); ok {
			return timeBound(t, at, upper), nil
		}
	case t == table.Boolean:
		if b, ok := value.(bool); ok {
			return b, nil
		}
	case t == table.Binary:
		return nil, nil
	default:
		if text, ok := decimalText(t, value); ok {
			return json.Number(text), nil
		}
	}
	return nil, fmt.Errorf("%T %v does not fit", value, value)
}

func floatBound(t table.Type, f float64) any {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil
	}
	bits := 64
	if t == table.Float {
		bits = 32
	}
	return json.Number(strconv.FormatFloat(f, 'g', -1, bits))
}

// stringBound cuts a string to maxStatsString characters. A prefix is a lower bound; an upper bound ends in the
// largest character, after any more of those that the cut would otherwise drop.
func stringBound(text string, upper bool) any {
	if !utf8.ValidString(text) {
		return nil
	}
	count := 0
	for i, r := range text {
		if count >= maxStatsString && (!upper || r != utf8.MaxRune) {
			if upper {
				return text[:i] + string(utf8.MaxRune)
			}
			return text[:i]
		}
		count++
	}
	return text
}

// timeBound writes timestamps with milliseconds, the lower bound rounded down and the upper one up.
func timeBound(t table.Type, at time.Time, upper bool) any {
	layout := dateLayout
	if t == table.Timestamp {
		layout = "2006-01-02T15:04:05.000Z"
		at = at.UTC()
		if floor := at.Truncate(time.Millisecond); upper && floor.Before(at) {
			at = floor.Add(time.Millisecond)
		} else {
			at = floor
		}
	}
	if at.Year() < 1 || at.Year() > 9999 {
		return nil
	}
	return at.Format(layout)
}
