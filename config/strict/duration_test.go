package strict

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDurationsTakeDays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"90d": 90 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0d": 0, "45m": 45 * time.Minute, "1.5h": 90 * time.Minute, "0": 0,
	} {
		got, ok := ParseDuration(text)
		require.True(t, ok, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"", "d", "-1d", "1d-3h", "-5m", "1.5d", "36501d", "36500d2000000h", "99999999999999999999d", "3 days", "1h2d", "7", "2026-01-01"} {
		_, ok := ParseDuration(text)
		require.False(t, ok, text)
	}
}
