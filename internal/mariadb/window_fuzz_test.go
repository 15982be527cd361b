package mariadb

import (
	"math/big"
	"strings"
	"testing"
	"time"

	"tributary/internal/table"
)

var fuzzedZones = []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tokyo", "Africa/Casablanca"}

// FuzzWindow holds the arithmetic of windows against what they promise: bounds are read as they were written, are of one kind only
// and in the order of what they stand for; a run's window begins no later than the last mark, less the overlap; and
// in each zone the wall times that are compared cover every instant of the window.
func FuzzWindow(f *testing.F) {
	f.Add(int64(1_729_990_800_000_000), int64(3_600_000_000), int64(600), uint8(1), uint8(6), "01HB'", int64(5))
	f.Add(int64(1_711_846_800_000_000), int64(1), int64(0), uint8(3), uint8(0), "", int64(-1))
	f.Add(int64(0), int64(86_400_000_000), int64(90_000), uint8(4), uint8(3), "'", int64(1<<62))
	f.Add(int64(253_402_300_799_999_999), int64(-5), int64(1), uint8(0), uint8(2), "2026-01-01", int64(-1<<63))
	f.Fuzz(func(t *testing.T, micros, step, overlapMillis int64, zone, precision uint8, text string, id int64) {
		at := time.UnixMicro(micros).UTC()
		location, err := time.LoadLocation(fuzzedZones[int(zone)%len(fuzzedZones)])
		if err != nil {
			t.Fatal(err)
		}
		if later := at.AddDate(0, 0, 2); at.Year() < 1 || later.Year() > 9999 || step < -dayMicros || step > dayMicros {
			return // beyond what DATETIME holds
		}
		overlap := time.Duration(overlapMillis%(48*3600_000)) * time.Millisecond
		if overlap < 0 {
			overlap = -overlap
		}
		for _, kind := range []string{table.CursorTime, table.CursorDate} {
			fuzzTimes(t, fuzzedWindow(kind, int(precision%7), location, overlap), at, time.Duration(step)*time.Microsecond)
		}
		fuzzWalls(t, at, time.Duration(step)*time.Microsecond, location)
		fuzzTexts(t, text, id)
	})
}

// fuzzedWindow is an extraction of which only the arithmetic is used.
func fuzzedWindow(kind string, precision int, zone *time.Location, overlap time.Duration) *extraction {
	e := &extraction{zone: zone, cursorType: parseType("datetime")}
	if precision > 0 {
		e.cursorType = parseType("datetime(" + string(rune('0'+precision)) + ")")
	}
	e.req.Plan.CursorKind, e.req.Spec.Overlap = kind, overlap
	return e
}

func fuzzTimes(t *testing.T, e *extraction, at time.Time, step time.Duration) {
	t.Helper()
	kind := e.req.Plan.CursorKind
	mark, high := e.markAt(at), e.highAt(at)
	for _, bound := range []string{mark, high} {
		if !isBound(kind, bound) || checkBound(kind, bound) != nil {
			t.Fatalf("%q is no bound of a %s", bound, kind)
		}
	}
	if compareBounds(kind, mark, high) > 0 {
		t.Fatalf("mark %s is after high %s", mark, high)
	}
	low := e.lowAt(mark)
	if !isBound(kind, low) || compareBounds(kind, low, mark) > 0 {
		t.Fatalf("the next window begins at %s, after the mark %s", low, mark)
	}
	other := e.markAt(at.Add(step))
	if kind == table.CursorTime || e.zone == time.UTC { // a date may stay the same, and may go back where a day is repeated
		if c := compareBounds(kind, mark, other); step >= 0 && c > 0 || step <= 0 && c < 0 || c != -compareBounds(kind, other, mark) {
			t.Fatalf("%s and %s, %s later, compare as %d", mark, other, step, c)
		}
	}
	if kind == table.CursorTime {
		parsed, _ := time.Parse(timeLayout, mark)
		if parsed.After(at) || at.Sub(parsed) >= time.Second {
			t.Fatalf("mark %s for %s", mark, at)
		}
		begins, _ := time.Parse(timeLayout, low)
		if cut := parsed.Sub(begins) - e.req.Spec.Overlap; cut < 0 || cut >= time.Second {
			t.Fatalf("%s is not %s before %s", low, e.req.Spec.Overlap, mark)
		}
		if lagging := e.markAt(at.Add(-e.req.Spec.Overlap)); compareBounds(kind, low, lagging) > 0 {
			t.Fatalf("a row of %s, by a clock that lags by the overlap, is left out from %s on", lagging, low)
		}
	}
}

// fuzzWalls takes an instant, and another that is the end of a window: the wall time of what is in the window is below that
// of its end, and not below that of its beginning.
func fuzzWalls(t *testing.T, at time.Time, step time.Duration, zone *time.Location) {
	t.Helper()
	wall := func(at time.Time) int64 { return at.UnixMicro() + offset(at.In(zone)) }
	other := at.Add(step)
	if wall(earliestWall(at, zone)) > wall(at) || wall(latestWall(at, zone)) < wall(at) {
		t.Fatalf("%s shows %d, outside of what it is taken for", at, wall(at))
	}
	if step >= 0 && wall(earliestWall(at, zone)) > wall(other) {
		t.Fatalf("from %s on, %s is left out", at, other)
	}
	if step <= 0 && wall(latestWall(at, zone)) < wall(other) {
		t.Fatalf("until %s, %s is left out", at, other)
	}
	clock := &wallClock{zone: zone}
	if read := clock.utc(wall(at)); read > at.UnixMicro() || at.UnixMicro()-read > foldReach.Microseconds() {
		t.Fatalf("%s is read as %s", at, time.UnixMicro(read).UTC())
	}
}

func fuzzTexts(t *testing.T, text string, id int64) {
	t.Helper()
	if value, ok := table.StringBound(table.QuoteBound(text)); ok != (text != "") || value != text {
		t.Fatalf("%q is read as %q", text, value)
	}
	digits := big.NewInt(id).String()
	if !isBound(table.CursorInteger, digits) || compareBounds(table.CursorInteger, digits, big.NewInt(0).Sub(big.NewInt(id), big.NewInt(1)).String()) <= 0 {
		t.Fatalf("%s does not compare", digits)
	}
	for _, bound := range []string{text, table.QuoteBound(text), digits} {
		var kinds []string
		for _, kind := range []string{table.CursorTime, table.CursorDate, table.CursorInteger, table.CursorString} {
			if isBound(kind, bound) {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) > 1 {
			t.Fatalf("%q is a bound of %s", bound, strings.Join(kinds, " and "))
		}
	}
}
