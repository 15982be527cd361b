package workflows_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/registry"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/workflows"
)

// TestALargeRegionIsSyncedInSmallHistories runs RegionSync on a real server; only what a client does is made up. Two
// clients outlive the run that started them.
func TestALargeRegionIsSyncedInSmallHistories(t *testing.T) {
	t.Run("by the number of clients", func(t *testing.T) {
		testLargeRegion(t, 1150, 3)
	})
	t.Run("when the server suggests it", func(t *testing.T) {
		testLargeRegion(t, 130, 3, "--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=120")
	})
}

func testLargeRegion(t *testing.T, clients, atLeast int, serverArgs ...string) {
	t.Helper()
	server := testserver.Temporal(t, serverArgs...)
	a := &activities.Activities{Registry: registry.NewFile(writeRegistry(t, clients)), Temporal: server.Client}
	w := worker.New(server.Client, workflows.ControlQueue, worker.Options{})
	w.RegisterWorkflow(workflows.RegionSync)
	w.RegisterActivity(a.ListClients)
	w.RegisterActivity(a.AwaitClient)
	w.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.ClientSyncInput) (table.Summary, error) {
		summary := table.Summary{OK: 1}
		if in.Client.ID == "c00018" || in.Client.ID == "c00498" {
			return summary, workflow.Sleep(ctx, 15*time.Second)
		}
		return summary, nil
	}, workflow.RegisterOptions{Name: "ClientSync"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	sync := config.Sync{
		Name: "daily", Parallel: config.Parallel{Clients: 20, TablesPerClient: 2}, Tables: []table.Spec{{Name: "orders", Target: "orders"}},
		Retry:    config.Retry{Attempts: 3, Initial: time.Second, Max: time.Minute},
		Timeouts: config.Timeouts{Extract: time.Hour, Step: time.Hour, Heartbeat: 30 * time.Second},
	}
	run, err := server.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "sync/daily/eu", TaskQueue: workflows.ControlQueue},
		workflows.RegionSync, workflows.RegionSyncInput{SyncInput: workflows.SyncInput{Sync: sync}, Region: "eu"})
	require.NoError(t, err)
	var summary table.Summary
	require.NoError(t, run.Get(t.Context(), &summary))
	require.Equal(t, table.Summary{OK: clients, Clients: clients}, summary)

	var runs int
	defer func() { t.Logf("runs: %d", runs) }()
	require.Eventually(t, func() bool {
		listed, err := server.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'RegionSync'"})
		require.NoError(t, err)
		runs = len(listed.GetExecutions())
		for _, execution := range listed.GetExecutions() {
			require.Less(t, execution.GetHistoryLength(), int64(10_000))
			require.Less(t, execution.GetHistorySizeBytes(), int64(10<<20))
		}
		return runs >= atLeast
	}, 2*time.Minute, 100*time.Millisecond)
}

func writeRegistry(t *testing.T, clients int) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("clients:\n")
	for i := range clients {
		fmt.Fprintf(&text, "  - {id: c%05d, region: eu, host: db, database: shop, user: tributary}\n", i)
	}
	path := filepath.Join(t.TempDir(), "clients.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text.String()), 0o600))
	return path
}
