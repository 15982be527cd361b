package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/local"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

// TestMaintainOnALake runs Maintain on a real server and a real lake, whose only tables are those of the log.
func TestMaintainOnALake(t *testing.T) {
	l, err := local.Open(t.Context(), local.Options{Dir: t.TempDir(), MemoryLimit: "512MB"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	for i := range 5 {
		run := table.Run{
			Ref:   table.Ref{Sync: "daily", Client: "acme", Region: "eu", Schema: "central", Table: "orders"},
			RunID: fmt.Sprint(i), Status: table.StatusOK, Started: time.Now().UTC(), Finished: time.Now().UTC(),
		}
		require.NoError(t, l.Log(t.Context(), []table.Run{run}))
	}
	server := testserver.Temporal(t)
	a := &activities.Activities{Lake: l}
	control := worker.New(server.Client, workflows.ControlQueue, worker.Options{})
	workflows.Register(control, a)
	lakes := worker.New(server.Client, workflows.LakeQueue, worker.Options{})
	workflows.RegisterLake(lakes, a)
	for _, w := range []worker.Worker{control, lakes} {
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
	sync := config.Sync{
		Name: "daily", Target: config.Target{Schema: "central"}, Tables: []table.Spec{{Name: "orders", Target: "orders"}},
		Retry:    config.Retry{Attempts: 3, Initial: time.Second, Max: time.Minute},
		Timeouts: config.Timeouts{Extract: time.Hour, Step: time.Hour, Heartbeat: 30 * time.Second},
		Maintain: config.Maintain{Optimize: true, Vacuum: true, Retention: time.Hour, Staging: time.Hour},
	}
	maintain := func(t *testing.T) (done workflows.Maintained) {
		t.Helper()
		run, err := server.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: workflows.MaintainID("daily"), TaskQueue: workflows.ControlQueue},
			workflows.Maintain, workflows.Maintenance(sync))
		require.NoError(t, err)
		require.NoError(t, run.Get(t.Context(), &done))
		requireReplayable(t, server.Client, run, "maintain-Maintain-Completed")
		for i := range done.Tables {
			done.Tables[i].Took = 0
		}
		return done
	}
	none := workflows.MaintainedTable{Table: "orders", Status: table.StatusSkipped, Error: "there is no such table yet"}
	log := workflows.MaintainedTable{Table: lake.SyncLog, Status: table.StatusOK, Before: 1, After: 1}
	require.Equal(t, workflows.Maintained{Of: 3, Tables: []workflows.MaintainedTable{
		none, log, {Table: lake.SyncRuns, Status: table.StatusOK, Before: 5, After: 1},
	}}, maintain(t))

	sync.Maintain.Optimize = false // then it is the vacuum that finds no table
	log.Before, log.After = 0, 0
	require.Equal(t, workflows.Maintained{Of: 3, Tables: []workflows.MaintainedTable{
		none, log, {Table: lake.SyncRuns, Status: table.StatusOK},
	}}, maintain(t))
}
