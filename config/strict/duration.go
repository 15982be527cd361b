package strict

import (
	"strconv"
	"strings"
	"time"
)

// maxDays keeps days within what a time.Duration holds.
const maxDays = 100 * 365

// ParseDuration reads a duration of 0 or more as Go writes them, and with days of 24 hours before it: 10m, 36h, 7d, 1d12h.
func ParseDuration(text string) (time.Duration, bool) {
	var days int64
	if before, after, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseInt(before, 10, 64)
		if err != nil || n < 0 || n > maxDays {
			return 0, false
		}
		if days, text = n, after; text == "" {
			text = "0"
		}
	}
	rest, err := time.ParseDuration(text)
	if err != nil || rest < 0 {
		return 0, false
	}
	whole := time.Duration(days)*24*time.Hour + rest
	return whole, whole >= 0 // two long ones together are too long
}
