package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestBoundsAreCanonical(t *testing.T) {
	for name, test := range map[string]struct{ kind, from, to, low, high string }{
		"OKDay":       {table.CursorTime, "2026-01-01", "2026-02-01", "2026-01-01 00:00:00.000000", "2026-02-01 00:00:00.000000"},
		"OKOffset":    {table.CursorTime, "2026-01-01T01:00:00+02:00", "2026-01-01 12:30:15.25", "2025-12-31 23:00:00.000000", "2026-01-01 12:30:15.250000"},
		"OKOpenEnd":   {table.CursorTime, "2026-01-01 10:00", "", "2026-01-01 10:00:00.000000", ""},
		"OKOpenStart": {table.CursorDate, "", "2026-01-31", "", "2026-01-31"},
		"OKInteger":   {table.CursorInteger, "007", "18446744073709551615", "7", "18446744073709551615"},
		"OKText":      {table.CursorString, "01HB", "01ha", "'01HB'", "'01ha'"},
		"OKNegative":  {table.CursorInteger, "-10", "9", "-10", "9"},
	} {
		t.Run(name, func(t *testing.T) {
			low, high, err := bounds(test.kind, test.from, test.to)
			require.NoError(t, err)
			require.Equal(t, []string{test.low, test.high}, []string{low, high})
		})
	}
	for name, test := range map[string]struct{ kind, from, to, want string }{
		"ErrTime":       {table.CursorTime, "yesterday", "", `--from: "yesterday" is no time`},
		"ErrBoth":       {table.CursorTime, "a", "b", "--to: "},
		"ErrImpossible": {table.CursorTime, "2026-02-30", "", "is no time"},
		"ErrDate":       {table.CursorDate, "2026-01-01T00:00:00Z", "", "is no date"},
		"ErrInteger":    {table.CursorInteger, "2026-01-01", "", "is no integer"},
		"ErrOrder":      {table.CursorTime, "2026-01-02", "2026-01-01", "nothing is in between"},
		"ErrEmpty":      {table.CursorInteger, "10", "10", "nothing is in between"},
		"ErrSameText":   {table.CursorString, "a", "a", "nothing is in between"},
		"ErrIntOrder":   {table.CursorInteger, "10", "9", "nothing is in between"},
		"ErrFiner":      {table.CursorTime, "2026-01-01 00:00:00.0000001", "", "finer than the microseconds"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := bounds(test.kind, test.from, test.to)
			require.ErrorContains(t, err, test.want)
		})
	}
}
