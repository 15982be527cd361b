package activities

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"tributary/internal/lake"
	"tributary/internal/table"
)

// loggedLake has a sync log.
type loggedLake struct {
	lake.Lake
	runs  []lake.LastRun
	asked lake.Filter
	until <-chan struct{} // it answers then; at once when nil
}

func (l *loggedLake) LastRuns(_ context.Context, _ string, filter lake.Filter) ([]lake.LastRun, error) {
	l.asked = filter
	if l.until == nil {
		return l.runs, nil
	}
	select {
	case <-l.until:
		return l.runs, nil
	case <-time.After(time.Minute):
		return nil, errors.New("no heartbeat for a minute")
	}
}

// A warehouse that has to start first takes longer to answer than an activity may be silent.
func TestWatermarksOfALakeThatTakesItsTimeSendHeartbeats(t *testing.T) {
	heard := make(chan struct{})
	once := sync.OnceFunc(func() { close(heard) })
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { once() })
	a := &Activities{Lake: &loggedLake{until: heard}}
	env.RegisterActivity(a)
	_, err := env.ExecuteActivity(a.Watermarks, WatermarksInput{Schema: "central", Client: "acme", Region: "eu", Tables: []string{"orders"}})
	require.NoError(t, err)
}

func TestWatermarksAreThoseOfTheRegionWhereTheClientLives(t *testing.T) {
	last := func(region, name, watermark string) lake.LastRun {
		return lake.LastRun{Ref: table.Ref{Client: "acme", Region: region, Table: name}, Watermark: watermark}
	}
	l := &loggedLake{runs: []lake.LastRun{last("eu", "orders", "7"), last("us", "customers", "9"), last("us", "stock", ""), last("eu", "notes", "")}}
	env := (&testsuite.WorkflowTestSuite{}).NewTestActivityEnvironment()
	a := &Activities{Lake: l}
	env.RegisterActivity(a)
	value, err := env.ExecuteActivity(a.Watermarks, WatermarksInput{Schema: "central", Client: "acme", Region: "eu", Tables: []string{"orders", "customers", "stock", "notes", "new"}})
	require.NoError(t, err)
	var result WatermarksResult
	require.NoError(t, value.Get(&result))
	require.Equal(t, WatermarksResult{Watermarks: map[string]string{"orders": "7"}, Moved: map[string]string{"customers": "us", "stock": "us"}}, result)
	require.Equal(t, lake.Filter{Client: "acme", Tables: []string{"orders", "customers", "stock", "notes", "new"}}, l.asked, "in whichever region")
}
