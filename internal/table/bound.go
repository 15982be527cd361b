package table

import "strings"

// QuoteBound writes the value of a CursorString as the bound of a window: in single quotes, so that it is never taken for a
// bound of another kind. StringBound reads it.
func QuoteBound(value string) string { return "'" + value + "'" }

// StringBound returns the value that a bound of a CursorString stands for; ok is false when it is no such bound.
func StringBound(bound string) (value string, ok bool) {
	value, opened := strings.CutPrefix(bound, "'")
	value, closed := strings.CutSuffix(value, "'")
	if !opened || !closed || value == "" {
		return "", false
	}
	return value, true
}
