package mariadb

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

func TestDatetimesAreReadInTheirZone(t *testing.T) {
	f := newFixture(t, "create table t (id int primary key, dt datetime(6), ts timestamp(6) null, d date)",
		"set time_zone='+00:00'; insert into t values (1,'2024-07-01 12:00:00.5','2024-07-01 12:00:00.5','2024-07-01'),"+
			"(2,'2024-01-01 12:00:00','2024-01-01 12:00:00','2024-01-01'),(3,'2024-10-27 02:30:00',null,null),(4,'2024-03-31 02:30:00',null,null)")
	want := [][]string{
		{"1", "2024-07-01T10:00:00.5Z", "2024-07-01T12:00:00.5Z", "2024-07-01"},
		{"2", "2024-01-01T11:00:00Z", "2024-01-01T12:00:00Z", "2024-01-01"},
		{"3", "2024-10-27T00:30:00Z", "(null)", "(null)"}, // happens twice: the first
		{"4", "2024-03-31T01:30:00Z", "(null)", "(null)"}, // never happens: 03:30
	}
	t.Run("OK of the spec", func(t *testing.T) {
		_, rows := f.run(table.Spec{Name: "t", DatetimeZone: "Europe/Berlin"}, "")
		assert.Equal(t, want, rows)
	})
	t.Run("OK of the client, which wins", func(t *testing.T) {
		f.client.DatetimeZone = "Europe/Berlin"
		_, rows := f.run(table.Spec{Name: "t", DatetimeZone: "Asia/Tokyo"}, "")
		assert.Equal(t, want, rows)
	})
	t.Run("OK windows over DATETIME are in that zone", func(t *testing.T) {
		f.client.DatetimeZone = "Europe/Berlin"
		spec := table.Spec{Name: "t", Cursor: "dt"}
		raw, err := f.try(spec, "", "2024-07-01 10:00:00.500000", "2024-07-01 10:00:00.500001")
		require.NoError(t, err)
		assert.Equal(t, "1", column(f.rows(raw), 0))
		raw, err = f.try(spec, "", "2024-07-01 12:00:00.000000", "2024-07-01 13:00:00.000000")
		require.NoError(t, err)
		assert.Empty(t, f.rows(raw))
	})
	t.Run("Err no such zone", func(t *testing.T) {
		f.client.DatetimeZone = "Mars/Olympus"
		_, err := f.try(table.Spec{Name: "t"}, "", "", "")
		require.ErrorIs(t, err, ErrUnsupported)
		assert.ErrorContains(t, err, "Mars/Olympus")
	})
}

// TestWallClockAgreesWithTheZone goes through years of several zones: each instant's wall time must lead
// back to it, or, where the wall time happens twice, to its first occurrence.
func TestWallClockAgreesWithTheZone(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		clock := &wallClock{zone: zone}
		first := map[int64]int64{}
		for at := time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2013; at = at.Add(15 * time.Minute) {
			local := at.In(zone)
			wall := at.UnixMicro() + offset(local)
			if _, again := first[wall]; !again {
				first[wall] = at.UnixMicro()
			}
			if got := clock.utc(wall); got != first[wall] {
				t.Fatalf("%s: %s is read as %s", name, local, time.UnixMicro(got).UTC())
			}
		}
	}
}

func TestSkippedTimesMoveForwardByTheGap(t *testing.T) {
	for _, c := range []struct{ zone, wall, want string }{
		{"Europe/Berlin", "2024-03-31 02:00:00.000000", "2024-03-31 01:00:00.000000"},
		{"Europe/Berlin", "2024-03-31 02:59:59.999999", "2024-03-31 01:59:59.999999"},
		{"America/New_York", "2024-03-10 02:30:00.000000", "2024-03-10 07:30:00.000000"},
		{"Pacific/Apia", "2011-12-30 12:00:00.000000", "2011-12-30 22:00:00.000000"}, // a day that never was
	} {
		zone, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		wall, err := time.Parse(timeLayout, c.wall)
		require.NoError(t, err)
		got := (&wallClock{zone: zone}).utc(wall.UnixMicro())
		assert.Equal(t, c.want, time.UnixMicro(got).UTC().Format(timeLayout), c.zone)
	}
}

// TestBoundsCoverTheRepeatedHour holds the bounds against their definition, minute by minute.
func TestBoundsCoverTheRepeatedHour(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	wallOf := func(at time.Time) int64 { return at.UnixMicro() + offset(at.In(zone)) }
	begin := time.Date(2024, 10, 26, 20, 0, 0, 0, time.UTC)
	for m := range 600 {
		at := begin.Add(time.Duration(m) * time.Minute)
		low, high := wallOf(at), wallOf(at)
		for k := range 240 {
			low = min(low, wallOf(at.Add(time.Duration(k)*time.Minute)))
			high = max(high, wallOf(at.Add(-time.Duration(k)*time.Minute)))
		}
		assert.Equal(t, low, wallOf(earliestWall(at, zone)), "earliest from %s", at)
		assert.InDelta(t, high, wallOf(latestWall(at, zone)), 60e6, "latest until %s", at)
	}
}

// TestDaysSinceEpochAgreesWithGo compares every day of eight centuries, and the calendar's ends.
func TestDaysSinceEpochAgreesWithGo(t *testing.T) {
	days := func(at time.Time) int64 { return daysSinceEpoch(int64(at.Year()), int64(at.Month()), int64(at.Day())) }
	for at := time.Date(1599, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2405; at = at.AddDate(0, 0, 1) {
		if want := at.Unix() / 86400; days(at) != want { // at midnight: divides exactly
			t.Fatalf("%s is day %d, not %d", at, want, days(at))
		}
	}
	assert.EqualValues(t, -719162, daysSinceEpoch(1, 1, 1))
	assert.EqualValues(t, 2932896, daysSinceEpoch(9999, 12, 31))
}
