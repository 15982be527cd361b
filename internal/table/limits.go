package table

import (
	"cmp"
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

// Check reports what is wrong, by key.
func (l Limits) Check(add func(key, problem, fix string)) {
	for _, number := range []struct {
		key   string
		value int64
	}{{"connections", int64(l.Connections)}, {"table_connections", int64(l.TableConnections)}, {"rows_per_second", l.RowsPerSecond}} {
		if number.value < 0 {
			add(number.key, "is negative", "write 1 or more, or remove it")
		}
	}
	if l.MaxStatementTime != 0 && l.MaxStatementTime < time.Second {
		add("max_statement_time", "is less than a second", "write 1s or more, or remove it")
	}
	if _, _, err := parseHours(l.Hours); err != nil && l.Hours != "" {
		add("hours", err.Error(), "write two times of day, such as 22:00-06:00")
	}
	switch _, err := time.LoadLocation(l.TimeZone); {
	case err != nil || l.TimeZone == "Local":
		add("time_zone", fmt.Sprintf("unknown time zone %q", l.TimeZone), "write an IANA name, such as UTC or Europe/Vienna")
	case l.TimeZone != "" && l.Hours == "":
		add("time_zone", "has no meaning without hours", "add hours, or remove it")
	}
}

// parseHours returns the minutes of the day at which hours begin and end.
func parseHours(hours string) (from, to int, err error) {
	first, second, _ := strings.Cut(hours, "-")
	var minutes [2]int
	for i, text := range []string{first, second} {
		t, err := time.Parse("15:04", strings.TrimSpace(text))
		if err != nil {
			return 0, 0, fmt.Errorf("%q is no stretch of the day", hours)
		}
		minutes[i] = 60*t.Hour() + t.Minute()
	}
	if minutes[0] == minutes[1] {
		return 0, 0, fmt.Errorf("%q begins as it ends", hours)
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
