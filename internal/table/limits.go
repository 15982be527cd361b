package table

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Limits protect a client's server from being read too hard. Each is per worker; the zero value of a field is no bound,
// unless it says otherwise.
type Limits struct {
	// Connections bounds the connections open to the server at once; 0 means 4.
	Connections int `json:"connections,omitempty"`
	// TableConnections bounds how many of them read one table at once; 0 means as many as the worker has cores.
	TableConnections int `json:"table_connections,omitempty"`
	// RowsPerSecond bounds the rows read, of all the client's tables together.
	RowsPerSecond int64 `json:"rows_per_second,omitempty"`
	// MaxStatementTime is after how long the server ends a statement of ours.
	MaxStatementTime time.Duration `json:"max_statement_time,omitempty"`
	// Hours are the times of day at which large tables may be read in full, such as "22:00-06:00", in TimeZone.
	Hours    string `json:"hours,omitempty"`
	TimeZone string `json:"time_zone,omitempty"` // IANA name, default UTC
}

// Or returns the limits, with those of defaults where they say nothing. Hours and their zone go together.
func (l Limits) Or(defaults Limits) Limits {
	l.Connections = cmp.Or(l.Connections, defaults.Connections)
	l.TableConnections = cmp.Or(l.TableConnections, defaults.TableConnections)
	l.RowsPerSecond = cmp.Or(l.RowsPerSecond, defaults.RowsPerSecond)
	l.MaxStatementTime = cmp.Or(l.MaxStatementTime, defaults.MaxStatementTime)
	if l.Hours == "" {
		l.Hours, l.TimeZone = defaults.Hours, defaults.TimeZone
	}
	return l
}

// errHours is hours that cannot be read.
var errHours = errors.New("write two times of day, such as 22:00-06:00")

// CheckHours says whether hours are as Limits has them; "" is fine.
func CheckHours(hours string) error {
	if hours == "" {
		return nil
	}
	_, _, err := parseHours(hours)
	return err
}

// parseHours returns the minutes of the day at which hours begin and end.
func parseHours(hours string) (from, to int, err error) {
	first, second, _ := strings.Cut(hours, "-")
	var minutes [2]int
	for i, text := range []string{first, second} {
		t, err := time.Parse("15:04", strings.TrimSpace(text))
		if err != nil {
			return 0, 0, fmt.Errorf("%q: %w", hours, errHours)
		}
		minutes[i] = 60*t.Hour() + t.Minute()
	}
	if minutes[0] == minutes[1] {
		return 0, 0, fmt.Errorf("%q begin as they end: %w", hours, errHours)
	}
	return minutes[0], minutes[1], nil
}

// OpenAt says whether t is within the hours, and when that changes next; the zero time where there are no hours. It fails
// on hours or a zone that are not checked.
func (l Limits) OpenAt(t time.Time) (open bool, until time.Time, err error) {
	if l.Hours == "" {
		return true, time.Time{}, nil
	}
	from, to, err := parseHours(l.Hours)
	if err != nil {
		return false, time.Time{}, err
	}
	zone, err := time.LoadLocation(l.TimeZone)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("time_zone %q of the limits is no IANA time zone", l.TimeZone)
	}
	t = t.In(zone)
	minute := 60*t.Hour() + t.Minute()
	next := to
	if from < to {
		open = from <= minute && minute < to
	} else {
		open = minute >= from || minute < to
	}
	if !open {
		next = from
	}
	until = time.Date(t.Year(), t.Month(), t.Day(), 0, next, 0, 0, zone)
	if !until.After(t) {
		until = time.Date(t.Year(), t.Month(), t.Day()+1, 0, next, 0, 0, zone)
	}
	return open, until, nil
}
