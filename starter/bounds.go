package main

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"tributary/internal/table"
)

const (
	timeBound = "2006-01-02 15:04:05.000000" // as table.Window writes it
	dateBound = time.DateOnly
)

// parseTime reads a time: RFC 3339, or date and time, or a date alone, in UTC.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time; write 2006-01-02T15:04:05Z, or 2006-01-02 15:04:05 or 2006-01-02 in UTC", text)
}

// bounds are the ends of a backfill in canonical text, for a kind of cursor. One of them may be empty.
func bounds(kind, from, to string) (low, high string, err error) {
	low, fromErr := bound(kind, "--from", from)
	high, toErr := bound(kind, "--to", to)
	if err := errors.Join(fromErr, toErr); err != nil {
		return "", "", err
	}
	if low != "" && high != "" && !less(kind, low, high) {
		return "", "", fmt.Errorf("--from %s is not before --to %s: nothing is in between", low, high)
	}
	return low, high, nil
}

func bound(kind, flag, text string) (string, error) {
	if text == "" {
		return "", nil
	}
	switch kind {
	case table.CursorInteger:
		n, ok := new(big.Int).SetString(text, 10)
		if !ok {
			return "", fmt.Errorf("%s: %q is no integer, and the cursor is one; write digits, such as 12345", flag, text)
		}
		return n.String(), nil
	case table.CursorString:
		return table.QuoteBound(text), nil
	case table.CursorDate:
		t, err := time.Parse(dateBound, text)
		if err != nil {
			return "", fmt.Errorf("%s: %q is no date, and the cursor is one; write it like 2006-01-02", flag, text)
		}
		return t.Format(dateBound), nil
	}
	t, err := parseTime(text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	if t.Nanosecond()%1000 != 0 {
		return "", fmt.Errorf("%s: %q is finer than the microseconds of a cursor", flag, text)
	}
	return t.Format(timeBound), nil
}

func less(kind, low, high string) bool {
	if kind == table.CursorString {
		return low != high // their order is the source's collation
	}
	if kind != table.CursorInteger {
		return low < high
	}
	l, _ := new(big.Int).SetString(low, 10) // both were parsed before
	h, _ := new(big.Int).SetString(high, 10)
	return l.Cmp(h) < 0
}
