package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"tributary/workflows"
)

// recordVariable names a folder into which requireReplayable writes one history of each kind:
// workflows/testdata, after a change of the workflows that is meant to be replayed from then on.
const recordVariable = "TRIBUTARY_RECORD_HISTORIES"

// requireReplayable replays the history of every workflow of the stack with today's code.
func (s *stack) requireReplayable(t *testing.T, name string) {
	t.Helper()
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(workflows.Sync)
	replayer.RegisterWorkflow(workflows.RegionSync)
	replayer.RegisterWorkflow(workflows.ClientSync)
	replayer.RegisterWorkflow(workflows.TableSync)

	listed, err := s.temporal.Client.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: s.temporal.Namespace})
	require.NoError(t, err)
	recorded := map[string]bool{}
	require.NotEmpty(t, listed.GetExecutions())
	for _, info := range listed.GetExecutions() {
		execution := info.GetExecution()
		history := &historypb.History{}
		events := s.temporal.Client.GetWorkflowHistory(t.Context(), execution.GetWorkflowId(), execution.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			require.NoError(t, err)
			history.Events = append(history.Events, event)
		}
		require.NoError(t, replayer.ReplayWorkflowHistoryWithOptions(nil, history, worker.ReplayWorkflowHistoryOptions{
			OriginalExecution: workflow.Execution{ID: execution.GetWorkflowId(), RunID: execution.GetRunId()},
		}), execution.GetWorkflowId())
		kind := fmt.Sprintf("%s-%s-%s.json", name, info.GetType().GetName(), info.GetStatus())
		if !recorded[kind] {
			record(t, kind, history)
		}
		recorded[kind] = true
	}
}

func record(t *testing.T, name string, history *historypb.History) {
	t.Helper()
	dir := os.Getenv(recordVariable)
	if dir == "" {
		return
	}
	text, err := protojson.MarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
}
