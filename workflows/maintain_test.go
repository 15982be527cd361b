package workflows

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/table"
)

// weekly is the maintenance of two tables, of which orders is ordered by its customers.
func weekly() MaintainInput {
	sync := daily()
	sync.Maintain = config.Maintain{
		Schedule: config.Schedule{Cron: "0 5 * * 0"}, Optimize: true, Vacuum: true, Retention: 200 * time.Hour, Staging: 300 * time.Hour,
	}
	sync.Tables[0].ZOrderBy = []string{"customer_id"}
	sync.Tables[0].Where = "id > 7"
	return Maintenance(sync)
}

// maintained is a run in which optimize answers for each table, and what was called.
func maintained(t *testing.T, in MaintainInput, optimize func(activities.OptimizeInput) (activities.Optimized, error)) (done Maintained, called []string, err error) {
	t.Helper()
	env := newEnv(t)
	var a *activities.Activities
	env.OnActivity(a.Optimize, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.OptimizeInput) (activities.Optimized, error) {
		called = append(called, "optimize "+in.Schema+"."+in.Table)
		return optimize(in)
	}).Maybe()
	env.OnActivity(a.Vacuum, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.VacuumInput) (activities.Vacuumed, error) {
		called = append(called, "vacuum "+in.Table+" "+in.Retention.String())
		return activities.Vacuumed{Deleted: 3}, nil
	}).Maybe()
	env.OnActivity(a.Sweep, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SweepInput) (activities.Swept, error) {
		called = append(called, "sweep "+in.OlderThan.String())
		return activities.Swept{Batches: 2}, nil
	}).Maybe()
	env.ExecuteWorkflow(Maintain, in)
	if err = env.GetWorkflowError(); err == nil {
		require.NoError(t, env.GetWorkflowResult(&done))
	}
	return done, called, err
}

func TestMaintain(t *testing.T) {
	fewer := func(in activities.OptimizeInput) (activities.Optimized, error) {
		return activities.Optimized{Before: 9, After: 1, Missing: in.Table == "customers"}, nil
	}
	t.Run("OK: every table and the log, one after the other, then what was left staged", func(t *testing.T) {
		var ordered []string
		done, called, err := maintained(t, weekly(), func(in activities.OptimizeInput) (activities.Optimized, error) {
			ordered = append(ordered, in.ZOrderBy...)
			return fewer(in)
		})
		require.NoError(t, err)
		require.Equal(t, []string{
			"optimize central.orders", "vacuum orders 200h0m0s", "optimize central.customers",
			"optimize central.sync_log", "vacuum sync_log 200h0m0s", "optimize central.sync_runs", "vacuum sync_runs 200h0m0s", "sweep 300h0m0s",
		}, called)
		require.Equal(t, []string{"customer_id"}, ordered)
		require.Equal(t, MaintainedTable{Table: "orders", Status: table.StatusOK, Before: 9, After: 1, Deleted: 3, Took: done.Tables[0].Took}, done.Tables[0])
		require.Equal(t, table.StatusSkipped, done.Tables[1].Status)
		require.Equal(t, 2, done.Swept)
	})
	t.Run("OK: what is turned off is left out", func(t *testing.T) {
		in := weekly()
		in.Sync.Maintain.Optimize, in.Sync.Maintain.Vacuum = false, false
		_, called, err := maintained(t, in, fewer)
		require.NoError(t, err)
		require.Equal(t, []string{"sweep 300h0m0s"}, called)
	})
	t.Run("Err: one table's failure leaves the others, and its own vacuum, running", func(t *testing.T) {
		_, called, err := maintained(t, weekly(), func(in activities.OptimizeInput) (activities.Optimized, error) {
			if in.Table == "orders" {
				return activities.Optimized{}, permanentError("denied")
			}
			return activities.Optimized{Before: 1, After: 1}, nil
		})
		app := requireApplicationError(t, err, ErrorMaintainFailed)
		require.Equal(t, "maintenance of sync daily failed: orders: denied", app.Message())
		var done Maintained
		require.NoError(t, app.Details(&done))
		require.Len(t, done.Tables, 4)
		require.Equal(t, "denied", done.Tables[0].Error)
		require.Equal(t, table.StatusOK, done.Tables[1].Status)
		require.Len(t, called, 9)
	})
	t.Run("Err: a cancelled maintenance begins nothing more, and says how far it was", func(t *testing.T) {
		env := newEnv(t)
		var a *activities.Activities
		env.OnActivity(a.Optimize, mock.Anything, mock.Anything).After(time.Hour).Return(activities.Optimized{}, context.Canceled).Once()
		env.RegisterDelayedCallback(env.CancelWorkflow, time.Minute)
		env.ExecuteWorkflow(Maintain, weekly())
		var cancelled *temporal.CanceledError
		require.ErrorAs(t, env.GetWorkflowError(), &cancelled)
		var done Maintained
		require.NoError(t, cancelled.Details(&done))
		require.Len(t, done.Tables, 1)
		require.Equal(t, table.StatusCancelled, done.Tables[0].Status)
		require.Equal(t, 4, done.Of)
	})
}

func TestMaintenanceHasOnlyWhatItGoesBy(t *testing.T) {
	in := weekly()
	require.Equal(t, config.Schedule{Cron: "0 5 * * 0"}, in.Sync.Schedule)
	require.Empty(t, in.Sync.Maintain.Schedule)
	require.Equal(t, []table.Spec{{Name: "orders", Target: "orders", ZOrderBy: []string{"customer_id"}}, {Name: "customers", Target: "customers"}}, in.Sync.Tables)
}
