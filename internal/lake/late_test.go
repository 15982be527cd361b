package lake

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tributary/internal/table"
)

// asked is a client's batch whose merge was asked for at a minute of an hour that is long past.
func asked(client string, minute int) table.Batch {
	b := batchOf(client)
	b.Scheduled = minuteOf(minute)
	return b
}

func minuteOf(minute int) time.Time { return time.Date(2024, 1, 1, 10, minute, 0, 0, time.UTC) }

// loggedLake has a sync log, and merges whatever it is given.
type loggedLake struct {
	fake
	runs    []LastRun
	readErr error
	filters []Filter
	merged  []string
}

func (l *loggedLake) LastRuns(_ context.Context, _ string, filter Filter) ([]LastRun, error) {
	l.filters = append(l.filters, filter)
	return l.runs, l.readErr
}

func (l *loggedLake) Merge(_ context.Context, batches []table.Batch) ([]MergeResult, error) {
	for _, b := range batches {
		l.merged = append(l.merged, b.Ref.Client)
	}
	return make([]MergeResult, len(batches)), nil
}

func TestErrLateWhereALaterRunHasEnded(t *testing.T) {
	ended := func(client string, at time.Time) LastRun {
		run := logged(client, "orders")
		run.Region, run.LastSync = "us", at // in whatever region it ended
		return run
	}
	l := &loggedLake{runs: []LastRun{ended("acme", minuteOf(30)), ended("future", time.Now().Add(time.Hour))}}
	group := Group(l)
	for name, test := range map[string]struct {
		batch table.Batch
		late  bool
	}{
		"of an earlier run":         {asked("acme", 29), true},
		"of the next run":           {asked("acme", 30), false},
		"of a backfill":             {batchOf("acme"), false},
		"of a client without a run": {asked("globex", 0), false},
		"where a clock was wrong":   {asked("future", 0), false},
	} {
		t.Run(name, func(t *testing.T) {
			l.merged = nil
			_, err := group.Merge(t.Context(), []table.Batch{test.batch})
			if !test.late {
				require.NoError(t, err)
				require.Len(t, l.merged, 1)
				return
			}
			require.ErrorIs(t, err, ErrLate)
			require.EqualError(t, err, `merged out of turn: client "acme", table central.orders: this merge was asked for at 2024-01-01 10:29:00.000000, `+
				`and a run of 2024-01-01 10:30:00.000000 is merged: nothing was changed. If no other run was under way, the clock of Temporal's server was set back: run again after the latter`)
			require.Empty(t, l.merged)
		})
	}

	t.Run("FailsAlone", func(t *testing.T) {
		l.merged = nil
		_, err := group.Merge(t.Context(), []table.Batch{asked("globex", 0), asked("acme", 29)})
		require.ErrorIs(t, err, ErrLate)
		require.Equal(t, []string{"globex"}, l.merged)
	})
	t.Run("OfTablesOfVersions", func(t *testing.T) {
		also := asked("acme", 29)
		also.History = table.HistoryAlso
		beside := also.Parts()[1]
		require.Equal(t, "orders_history", beside.Ref.Table)
		only := asked("acme", 29)
		only.History = table.HistoryOnly
		for _, versions := range []table.Batch{beside, only.Parts()[0]} {
			l.merged, l.filters = nil, nil
			_, err := group.Merge(t.Context(), []table.Batch{versions})
			require.ErrorIs(t, err, ErrLate)
			require.Empty(t, l.merged)
			require.Equal(t, []Filter{{Clients: []string{"acme"}, Tables: []string{"orders"}}}, l.filters, "no other client's rows")
		}
	})
	t.Run("NotAskedForBackfills", func(t *testing.T) {
		l.filters = nil
		_, err := group.Merge(t.Context(), []table.Batch{batchOf("acme")})
		require.NoError(t, err)
		require.Empty(t, l.filters)
	})
	t.Run("ErrTheLogCannotBeRead", func(t *testing.T) {
		l.merged, l.readErr = nil, errors.New("down")
		_, err := group.Merge(t.Context(), []table.Batch{asked("globex", 0)})
		require.ErrorIs(t, err, l.readErr)
		require.Empty(t, l.merged)
	})
}
