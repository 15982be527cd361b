package workflows

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestEveryRecordedHistoryReplays guards runs that are under way when a worker is upgraded. The histories come from
// real runs: make record.
func TestEveryRecordedHistoryReplays(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	require.NoError(t, err)
	earlier, err := filepath.Glob("testdata/earlier/*.json") // of code that was changed since, with workflow.GetVersion
	require.NoError(t, err)
	require.NotEmpty(t, earlier)
	files = append(files, earlier...)
	kinds := map[string]bool{}
	for _, file := range files {
		f, err := os.Open(file)
		require.NoError(t, err)
		history, err := client.HistoryFromJSON(f, client.HistoryJSONOptions{})
		require.NoError(t, err, file)
		require.NoError(t, f.Close())

		replayer := worker.NewWorkflowReplayer()
		replayer.RegisterWorkflow(Sync)
		replayer.RegisterWorkflow(RegionSync)
		replayer.RegisterWorkflow(ClientSync)
		replayer.RegisterWorkflow(TableSync)
		replayer.RegisterWorkflow(Maintain)
		started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()},
		}), file)
		kinds[strings.Split(filepath.Base(file), "-")[1]] = true
	}
	require.Equal(t, map[string]bool{"Sync": true, "RegionSync": true, "ClientSync": true, "TableSync": true, "Maintain": true}, kinds)
}
