package workflows

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/table"
)

func TestSync(t *testing.T) {
	t.Run("OK: every table of every client arrives", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		registryOf(env, map[string]int{"eu": 5, "us": 2})
		a.register(env)
		env.ExecuteWorkflow(Sync, SyncInput{Sync: daily()})
		require.NoError(t, env.GetWorkflowError())
		var summary table.Summary
		require.NoError(t, env.GetWorkflowResult(&summary))
		require.Equal(t, table.Summary{OK: 14, Clients: 7, Counts: table.Counts{Read: 14, Staged: 14, Inserted: 14}}, summary)
		require.Len(t, a.runs(), 14)
	})

	t.Run("OK: a selection runs only what it names", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		registryOf(env, map[string]int{"eu": 2})
		a.register(env)
		env.ExecuteWorkflow(Sync, SyncInput{Sync: daily(), Select: Selection{Tables: []string{"orders"}}})
		require.NoError(t, env.GetWorkflowError())
		for _, run := range a.runs() {
			require.Equal(t, "orders", run.Table)
		}
		require.Len(t, a.runs(), 2)
	})

	t.Run("Err: one broken client leaves every other running, and is named at the end", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		registryOf(env, map[string]int{"eu": 5, "us": 2})
		a.Extract = func(in activities.ExtractInput) (activities.ExtractResult, error) {
			if in.Ref.Client == "eu0003" {
				return activities.ExtractResult{}, permanentError("wrong password for eu0003")
			}
			return oneRow(in), nil
		}
		a.register(env)
		env.ExecuteWorkflow(Sync, SyncInput{Sync: daily()})
		app := requireApplicationError(t, env.GetWorkflowError(), ErrorSyncFailed)
		require.Contains(t, app.Message(), "eu0003")
		var summary table.Summary
		require.NoError(t, app.Details(&summary))
		require.Equal(t, 12, summary.OK)
		require.Equal(t, 2, summary.Failed)
		require.Len(t, summary.Problems, 2)
		require.Equal(t, "wrong password for eu0003", summary.Problems[0].Error)
	})

	t.Run("Err: a registry that cannot be read fails its region and not the others", func(t *testing.T) {
		env, a := newEnv(t), &steppedActivities{}
		var ra *activities.Activities
		env.OnActivity(ra.ListClients, mock.Anything, mock.MatchedBy(func(in activities.ListClientsInput) bool {
			return in.Region == "us"
		})).Return(activities.ListClientsResult{}, permanentError("registry returned rubbish"))
		registryOf(env, map[string]int{"eu": 2, "us": 2})
		a.register(env)
		env.ExecuteWorkflow(Sync, SyncInput{Sync: daily()})
		app := requireApplicationError(t, env.GetWorkflowError(), ErrorSyncFailed)
		var summary table.Summary
		require.NoError(t, app.Details(&summary))
		require.Equal(t, 4, summary.OK)
		require.Equal(t, table.Problem{Region: "us", Status: table.StatusFailed, Error: "registry returned rubbish"}, summary.Problems[0])
	})
}

func TestClientSyncRecordsATableThatAnotherRunHasOpenAsSkipped(t *testing.T) {
	env, a := newEnv(t), &steppedActivities{}
	env.OnWorkflow(TableSync, mock.Anything, mock.MatchedBy(func(in TableSyncInput) bool { return in.Ref.Table == "orders" })).
		Return(table.Run{}, &temporal.ChildWorkflowExecutionAlreadyStartedError{})
	env.OnWorkflow(TableSync, mock.Anything, mock.Anything).Return(table.Run{Status: table.StatusOK}, nil)
	a.register(env)
	env.ExecuteWorkflow(ClientSync, ClientSyncInput{SyncInput: SyncInput{Sync: daily()}, Client: table.Client{ID: "acme", Region: "eu"}})
	require.NoError(t, env.GetWorkflowError())
	var summary table.Summary
	require.NoError(t, env.GetWorkflowResult(&summary))
	require.Equal(t, 1, summary.OK)
	require.Equal(t, 1, summary.Skipped)
	require.Len(t, a.runs(), 1)
	require.Equal(t, table.StatusSkipped, a.runs()[0].Status)
	require.Contains(t, a.runs()[0].Error, "skipped: table/acme/orders: a run of that id is open")
}

func TestRegionSync(t *testing.T) {
	t.Run("OK: never more clients side by side than the config says", func(t *testing.T) {
		env := newEnv(t)
		registryOf(env, map[string]int{"eu": 20})
		running, most := 0, 0
		env.OnWorkflow(ClientSync, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, _ ClientSyncInput) (table.Summary, error) {
			running++
			most = max(most, running)
			err := workflow.Sleep(ctx, 60e9)
			running--
			return table.Summary{OK: 1}, err
		})
		env.ExecuteWorkflow(RegionSync, RegionSyncInput{SyncInput: SyncInput{Sync: daily()}, Region: "eu"})
		require.NoError(t, env.GetWorkflowError())
		require.Equal(t, 3, most)
	})

	t.Run("OK: a large region goes on in a new run, with the clients under way and the counts", func(t *testing.T) {
		env := newEnv(t)
		registryOf(env, map[string]int{"eu": 1200})
		env.OnWorkflow(ClientSync, mock.Anything, mock.Anything).Return(func(ctx workflow.Context, in ClientSyncInput) (table.Summary, error) {
			if in.Client.ID == "eu0499" { // the last of the first run is slow
				return table.Summary{OK: 1}, workflow.Sleep(ctx, 3600e9)
			}
			return table.Summary{OK: 1}, workflow.Sleep(ctx, 1e9)
		})
		env.ExecuteWorkflow(RegionSync, RegionSyncInput{SyncInput: SyncInput{Sync: daily()}, Region: "eu"})
		var again *workflow.ContinueAsNewError
		require.ErrorAs(t, env.GetWorkflowError(), &again)
		next := decodeContinued(t, again)
		require.Equal(t, "eu0499", next.After)
		require.NotEmpty(t, next.Clients)
		require.Equal(t, 500, next.Summary.Clients+len(next.Clients))
		require.NotEmpty(t, next.Clients[len(next.Clients)-1].RunID)
	})

	t.Run("OK: clients carried from the run before are awaited and counted", func(t *testing.T) {
		env := newEnv(t)
		registryOf(env, map[string]int{"eu": 501})
		var ra *activities.Activities
		env.OnActivity(ra.AwaitClient, mock.Anything, activities.AwaitInput{WorkflowID: "w", RunID: "r"}).Return(table.Summary{OK: 7}, nil).Once()
		env.OnWorkflow(ClientSync, mock.Anything, mock.Anything).Return(table.Summary{OK: 1}, nil)
		env.ExecuteWorkflow(RegionSync, RegionSyncInput{
			SyncInput: SyncInput{Sync: daily()}, Region: "eu", After: "eu0499", Summary: table.Summary{OK: 499, Clients: 499},
			Clients: []carried{{Client: "eu0499", WorkflowID: "w", RunID: "r"}},
		})
		require.NoError(t, env.GetWorkflowError())
		var summary table.Summary
		require.NoError(t, env.GetWorkflowResult(&summary))
		require.Equal(t, table.Summary{OK: 507, Clients: 501}, summary)
	})

	t.Run("Err: a cancelled region cancels the clients carried from the run before, and awaits them", func(t *testing.T) {
		env := newEnv(t)
		registryOf(env, map[string]int{"eu": 1})
		var ra *activities.Activities
		env.OnActivity(ra.AwaitClient, mock.Anything, activities.AwaitInput{WorkflowID: "w", RunID: "r"}).
			After(2*time.Minute).Return(table.Summary{Cancelled: 2}, nil).Once()
		env.OnRequestCancelExternalWorkflow(mock.Anything, "w", "r").Return(nil).Once()
		env.RegisterDelayedCallback(env.CancelWorkflow, 30*time.Second)
		env.ExecuteWorkflow(RegionSync, RegionSyncInput{
			SyncInput: SyncInput{Sync: daily()}, Region: "eu", After: "eu0000", Clients: []carried{{Client: "eu0000", WorkflowID: "w", RunID: "r"}},
		})
		var cancelled *temporal.CanceledError
		require.ErrorAs(t, env.GetWorkflowError(), &cancelled)
		var summary table.Summary
		require.NoError(t, cancelled.Details(&summary))
		require.Equal(t, 2, summary.Cancelled)
		env.AssertExpectations(t)
	})

	t.Run("Err: a cancelled region starts no more clients and reports what was done", func(t *testing.T) {
		env := patientEnv()
		started := 0
		env.RegisterWorkflow(RegionSync)
		env.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ ClientSyncInput) (table.Summary, error) {
			started++
			if err := workflow.Sleep(ctx, 60e9); err != nil {
				return table.Summary{}, temporal.NewCanceledError(table.Summary{Cancelled: 1})
			}
			return table.Summary{OK: 1}, nil
		}, workflow.RegisterOptions{Name: "ClientSync"})
		env.RegisterActivity(&activities.Activities{})
		registryOf(env, map[string]int{"eu": 20})
		env.RegisterDelayedCallback(env.CancelWorkflow, 90e9)
		env.ExecuteWorkflow(RegionSync, RegionSyncInput{SyncInput: SyncInput{Sync: daily()}, Region: "eu"})
		var cancelled *temporal.CanceledError
		require.ErrorAs(t, env.GetWorkflowError(), &cancelled)
		var summary table.Summary
		require.NoError(t, cancelled.Details(&summary))
		require.Equal(t, 3, summary.OK)
		require.Equal(t, 3, summary.Cancelled)
		require.Equal(t, 6, started)
	})
}
