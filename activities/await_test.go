package activities_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/table"
	"tributary/internal/testserver"
)

const awaitQueue = "await"

// endings are workflows that end as a ClientSync may.
var endings = map[string]func(workflow.Context) (table.Summary, error){
	"completes": func(workflow.Context) (table.Summary, error) { return table.Summary{OK: 3}, nil },
	"fails": func(workflow.Context) (table.Summary, error) {
		return table.Summary{}, errors.New("sync log unreadable")
	},
	"lasts": func(ctx workflow.Context) (table.Summary, error) {
		if err := workflow.Sleep(ctx, time.Hour); err != nil {
			return table.Summary{}, temporal.NewCanceledError(table.Summary{OK: 1, Cancelled: 2})
		}
		return table.Summary{OK: 3}, nil
	},
}

func TestAwaitClient(t *testing.T) {
	server := testserver.Temporal(t)
	w := worker.New(server.Client, awaitQueue, worker.Options{})
	for name, ending := range endings {
		w.RegisterWorkflowWithOptions(ending, workflow.RegisterOptions{Name: name})
	}
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	start := func(t *testing.T, name string) client.WorkflowRun {
		run, err := server.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: awaitQueue, WorkflowTaskTimeout: time.Second}, name)
		require.NoError(t, err)
		return run
	}
	await := func(t *testing.T, run client.WorkflowRun) (summary table.Summary, err error) {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		a := &activities.Activities{Temporal: server.Client}
		env.RegisterActivity(a)
		value, err := env.ExecuteActivity(a.AwaitClient, activities.AwaitInput{WorkflowID: run.GetID(), RunID: run.GetRunID()})
		if err == nil {
			require.NoError(t, value.Get(&summary))
		}
		return summary, err
	}

	t.Run("OK: the summary of one that completed", func(t *testing.T) {
		summary, err := await(t, start(t, "completes"))
		require.NoError(t, err)
		require.Equal(t, table.Summary{OK: 3}, summary)
	})
	t.Run("OK: the summary of one that was cancelled", func(t *testing.T) {
		run := start(t, "lasts")
		require.NoError(t, server.Client.CancelWorkflow(t.Context(), run.GetID(), run.GetRunID()))
		summary, err := await(t, run)
		require.NoError(t, err)
		require.Equal(t, table.Summary{OK: 1, Cancelled: 2}, summary)
	})
	t.Run("Err: one that failed or was terminated is not asked again", func(t *testing.T) {
		terminated := start(t, "lasts")
		require.NoError(t, server.Client.TerminateWorkflow(t.Context(), terminated.GetID(), terminated.GetRunID(), "test"))
		for _, run := range []client.WorkflowRun{start(t, "fails"), terminated} {
			_, err := await(t, run)
			var app *temporal.ApplicationError
			require.ErrorAs(t, err, &app)
			require.True(t, app.NonRetryable(), "%v", err)
		}
	})
}
