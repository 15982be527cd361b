package delta

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// settings are the table properties that this package honours.
type settings struct {
	appendOnly         bool          // delta.appendOnly
	checkpointInterval int64         // delta.checkpointInterval, commits; default 10
	logRetention       time.Duration // delta.logRetentionDuration; default 30 days
	tombstoneRetention time.Duration // delta.deletedFileRetentionDuration; default 7 days
	cleanLog           bool          // delta.enableExpiredLogCleanup; default true
	deletionVectors    bool          // delta.enableDeletionVectors
}

const day = 24 * time.Hour

func (m Metadata) settings() (settings, error) {
	s := settings{checkpointInterval: 10, logRetention: 30 * day, tombstoneRetention: 7 * day, cleanLog: true}
	var err error
	read := func(key string, parse func(string) error) {
		value, ok := m.Configuration[key]
		if !ok || err != nil {
			return
		}
		if parseErr := parse(strings.TrimSpace(value)); parseErr != nil {
			err = fmt.Errorf("%w: property %s=%q: %w", ErrInvalid, key, value, parseErr)
		}
	}
	read("delta.appendOnly", parseBool(&s.appendOnly))
	read("delta.enableExpiredLogCleanup", parseBool(&s.cleanLog))
	read("delta.enableDeletionVectors", parseBool(&s.deletionVectors))
	read("delta.logRetentionDuration", parseInterval(&s.logRetention))
	read("delta.deletedFileRetentionDuration", parseInterval(&s.tombstoneRetention))
	read("delta.checkpointInterval", func(text string) error {
		n, parseErr := strconv.ParseInt(text, 10, 64)
		if parseErr != nil || n < 1 {
			return fmt.Errorf("give a whole number of commits, 1 or more")
		}
		s.checkpointInterval = n
		return nil
	})
	return s, err
}

func parseBool(into *bool) func(string) error {
	return func(text string) (err error) {
		if *into, err = strconv.ParseBool(strings.ToLower(text)); err != nil {
			return fmt.Errorf("give true or false")
		}
		return nil
	}
}

var intervalUnits = map[string]time.Duration{
	"microsecond": time.Microsecond, "millisecond": time.Millisecond, "second": time.Second, "minute": time.Minute,
	"hour": time.Hour, "day": day, "week": 7 * day,
}

// parseInterval reads Spark's intervals without months and years: "interval 1 week", "30 days 12 hours".
func parseInterval(into *time.Duration) func(string) error {
	return func(text string) error {
		words := strings.Fields(strings.TrimPrefix(strings.ToLower(text), "interval"))
		var sum time.Duration
		for i := 0; i+1 < len(words); i += 2 {
			n, err := strconv.ParseInt(words[i], 10, 64)
			unit, ok := intervalUnits[strings.TrimSuffix(words[i+1], "s")]
			if err != nil || n < 0 || !ok || n > int64(200*365*day/unit) {
				return fmt.Errorf("give an interval such as %q", "interval 30 days")
			}
			sum += time.Duration(n) * unit
		}
		if len(words) == 0 || len(words)%2 != 0 || sum < 0 {
			return fmt.Errorf("give an interval such as %q", "interval 30 days")
		}
		*into = sum
		return nil
	}
}
