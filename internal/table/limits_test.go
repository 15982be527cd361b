package table_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestHoursOpenAndClose(t *testing.T) {
	for _, c := range []struct {
		hours, zone, at string
		open            bool
		until           string
	}{
		{"", "", "2024-01-10T12:00:00Z", true, "0001-01-01T00:00:00Z"},
		{"22:00-06:00", "", "2024-01-10T12:00:00Z", false, "2024-01-10T22:00:00Z"},
		{"22:00-06:00", "", "2024-01-10T22:00:00Z", true, "2024-01-11T06:00:00Z"},
		{"22:00-06:00", "", "2024-01-10T05:59:59Z", true, "2024-01-10T06:00:00Z"},
		{"22:00-06:00", "", "2024-01-10T06:00:00Z", false, "2024-01-10T22:00:00Z"},
		{"01:30-02:00", "", "2024-01-10T01:30:00Z", true, "2024-01-10T02:00:00Z"},
		{"01:30-02:00", "", "2024-01-31T02:00:00Z", false, "2024-02-01T01:30:00Z"},
		{"22:00-06:00", "Europe/Vienna", "2024-07-10T20:30:00Z", true, "2024-07-11T04:00:00Z"},
		{"22:00-06:00", "Europe/Vienna", "2024-03-30T22:00:00Z", true, "2024-03-31T04:00:00Z"}, // an hour is skipped
		{"02:30-03:30", "Europe/Vienna", "2024-03-30T12:00:00Z", false, "2024-03-31T01:30:00Z"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		require.NoError(t, err)
		open, until, err := table.Limits{Hours: c.hours, TimeZone: c.zone}.OpenAt(at)
		require.NoError(t, err)
		require.Equal(t, c.open, open, c)
		require.Equal(t, c.until, until.UTC().Format(time.RFC3339), c)
	}
	for _, hours := range []string{"22", "25:00-01:00", "22:00-22:00", "22:00", "-", "22:00-06:00-07:00"} {
		_, _, err := table.Limits{Hours: hours}.OpenAt(time.Now())
		require.Error(t, err, hours)
	}
	_, _, err := table.Limits{Hours: "22:00-06:00", TimeZone: "Mars"}.OpenAt(time.Now())
	require.Error(t, err)
}
