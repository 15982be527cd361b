package mariadb

import (
	"fmt"
	"time"

	"tributary/internal/table"
)

const (
	timeLayout = "2006-01-02 15:04:05.000000"
	dateLayout = time.DateOnly
	dayMicros  = 24 * 60 * 60 * 1_000_000
	// foldReach is further than a clock was ever set back at once, with some to spare.
	foldReach = 26 * time.Hour
)

// zoneOf returns the zone in which a client's DATETIME values are read.
func zoneOf(client table.Client, spec table.Spec) (*time.Location, error) {
	name := client.DatetimeZone
	if name == "" {
		name = spec.DatetimeZone
	}
	if name == "" {
		return time.UTC, nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%w: datetime_zone %q is no IANA time zone", ErrUnsupported, name)
	}
	return zone, nil
}

// wallClock turns wall times of one zone into UTC. It remembers the stretch of constant offset that it
// last saw; it is for one goroutine.
type wallClock struct {
	zone           *time.Location
	low, high, off int64 // micros of wall time in [low, high) are off micros ahead of UTC
}

// utc converts microseconds of wall time since 1970-01-01 00:00 into microseconds UTC. A repeated time is
// its first occurrence, a skipped one moves forward by the gap.
func (w *wallClock) utc(wall int64) int64 {
	if wall >= w.low && wall < w.high {
		return wall - w.off
	}
	u := time.UnixMicro(wall).UTC()
	t := time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), u.Nanosecond(), w.zone)
	start, end := t.ZoneBounds()
	w.remember(t, start, end)
	off := offset(t)
	switch shown := t.UnixMicro() + off; {
	case shown < wall: // skipped, and Go used the offset after the gap
		return wall - off
	case shown > wall: // skipped, and Go used the offset before it
		return t.UnixMicro()
	}
	if !start.IsZero() {
		if first := wall - offset(start.Add(-time.Nanosecond)); first < start.UnixMicro() {
			return first
		}
	}
	return t.UnixMicro()
}

// remember keeps the stretch around t in which no change of offset is near.
func (w *wallClock) remember(t, start, end time.Time) {
	w.off = offset(t)
	w.low, w.high = -1<<62, 1<<62
	if !start.IsZero() {
		w.low = start.Add(foldReach).UnixMicro() + w.off
	}
	if !end.IsZero() {
		w.high = end.Add(-foldReach).UnixMicro() + w.off
	}
}

// offset is how many microseconds t's zone is ahead of UTC at t.
func offset(t time.Time) int64 {
	_, seconds := t.Zone()
	return int64(seconds) * 1_000_000
}

// earliestWall is the earliest wall time that any instant at or after t shows: t's own, unless the clock is set
// back soon after.
func earliestWall(t time.Time, zone *time.Location) time.Time {
	earliest := t.In(zone)
	wall := earliest.UnixMicro() + offset(earliest)
	for at := earliest; ; {
		_, end := at.ZoneBounds()
		if end.IsZero() || end.After(t.Add(foldReach)) {
			return earliest
		}
		if at = end; at.UnixMicro()+offset(at) < wall {
			earliest, wall = at, at.UnixMicro()+offset(at)
		}
	}
}

// latestWall is the latest wall time that any instant up to t showed: t's own, unless the clock was set
// back shortly before.
func latestWall(t time.Time, zone *time.Location) time.Time {
	latest := t.In(zone)
	start, _ := latest.ZoneBounds()
	if start.IsZero() || start.Before(t.Add(-foldReach)) {
		return latest
	}
	before := start.Add(-time.Microsecond)
	if before.UnixMicro()+offset(before) <= latest.UnixMicro()+offset(latest) {
		return latest
	}
	return before
}
