package workflows

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/table"
)

// afterwards stands in for the lake and the workspace, and notes what ran in which order.
type afterwards struct {
	failing string // a statement

	mu   sync.Mutex
	said []string
}

func (a *afterwards) note(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.said = append(a.said, what)
}

func (a *afterwards) register(env *testsuite.TestWorkflowEnvironment) {
	var acts *activities.Activities
	env.OnActivity(acts.RunStatement, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.RunStatementInput) error {
			a.note(in.Schema + ": " + in.Statement)
			if in.Statement == a.failing {
				return permanentError("no such view")
			}
			return nil
		}).Maybe()
}

func sql(name string, after ...string) config.After {
	return config.After{Name: name, SQL: []string{"refresh " + name}, Timeout: time.Hour, After: after}
}

// runSync runs a sync of two clients with what comes after it.
func runSync(t *testing.T, env *testsuite.TestWorkflowEnvironment, a *steppedActivities, in SyncInput, after ...config.After) (table.Summary, error) {
	t.Helper()
	registryOf(env, map[string]int{"eu": 2})
	a.register(env)
	in.Sync = daily()
	in.Sync.After = after
	env.ExecuteWorkflow(Sync, in)
	require.True(t, env.IsWorkflowCompleted())
	var summary table.Summary
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&summary))
		return summary, nil
	}
	var cancelled *temporal.CanceledError
	if app := (*temporal.ApplicationError)(nil); errors.As(err, &app) {
		require.NoError(t, app.Details(&summary))
	} else if errors.As(err, &cancelled) {
		require.NoError(t, cancelled.Details(&summary))
	}
	return summary, err
}

func statuses(s table.Summary) map[string]string {
	all := map[string]string{}
	for _, after := range s.After {
		all[after.Name] = after.Status
	}
	return all
}

// failsOrders makes the table orders of one client fail.
func failsOrders(in activities.ExtractInput) (activities.ExtractResult, error) {
	if in.Ref.Client == "eu0001" && in.Ref.Table == "orders" {
		return activities.ExtractResult{}, permanentError("no such table")
	}
	return oneRow(in), nil
}

func TestAfterASync(t *testing.T) {
	t.Run("OK: entries run in the order of their dependencies, and results are in that of the configuration", func(t *testing.T) {
		env, after := newEnv(t), &afterwards{}
		after.register(env)
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, sql("mail", "gold"), sql("gold", "silver"),
			config.After{Name: "silver", SQL: []string{"one", "two"}, Timeout: time.Hour})
		require.NoError(t, err)
		require.Equal(t, []string{"central: one", "central: two", "central: refresh gold", "central: refresh mail"}, after.said)
		require.Equal(t, []string{"mail", "gold", "silver"}, []string{summary.After[0].Name, summary.After[1].Name, summary.After[2].Name})
		require.Equal(t, map[string]string{"mail": "ok", "gold": "ok", "silver": "ok"}, statuses(summary))
	})
	t.Run("OK: an entry runs although a table that it does not need has failed", func(t *testing.T) {
		env, after := newEnv(t), &afterwards{}
		after.register(env)
		views := sql("views")
		views.Needs = []string{"customers"}
		summary, err := runSync(t, env, &steppedActivities{Extract: failsOrders}, SyncInput{}, sql("all"), views, sql("last", "all"))
		requireApplicationError(t, err, ErrorSyncFailed)
		require.Equal(t, []string{"central: refresh views"}, after.said)
		require.Equal(t, map[string]string{"all": "skipped", "views": "ok", "last": "skipped"}, statuses(summary))
		require.Equal(t, "not every client's rows arrived in orders", summary.After[0].Error)
		require.Equal(t, []string{"orders"}, summary.Incomplete)
	})
	t.Run("OK: a narrowed run runs only what needs the tables of all clients that it brought", func(t *testing.T) {
		views := sql("views")
		views.Needs = []string{"customers"}
		for name, c := range map[string]struct {
			in    SyncInput
			views string
			why   string
		}{
			"tables":   {SyncInput{Select: Selection{Tables: []string{"customers"}}}, "ok", "the run was narrowed to tables without orders"},
			"clients":  {SyncInput{Select: Selection{Clients: []string{"eu0001"}}}, "skipped", "the run was narrowed to some clients"},
			"regions":  {SyncInput{Select: Selection{Regions: []string{"eu"}}}, "skipped", "the run was narrowed to some clients"},
			"backfill": {SyncInput{Mode: Mode{From: "1"}, Select: Selection{Tables: []string{"customers"}}}, "skipped", "a backfill does not run it"},
		} {
			t.Run(name, func(t *testing.T) {
				env, after := newEnv(t), &afterwards{}
				after.register(env)
				summary, err := runSync(t, env, &steppedActivities{}, c.in, sql("all"), views)
				require.NoError(t, err)
				require.Equal(t, map[string]string{"all": "skipped", "views": c.views}, statuses(summary))
				require.Equal(t, c.why, summary.After[0].Error)
			})
		}
	})
	t.Run("Err: a region that cannot be listed leaves every table incomplete", func(t *testing.T) {
		env, after := newEnv(t), &afterwards{}
		after.register(env)
		var ra *activities.Activities
		env.OnActivity(ra.ListClients, mock.Anything, mock.Anything).Return(activities.ListClientsResult{}, permanentError("registry returned rubbish"))
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, sql("all"))
		requireApplicationError(t, err, ErrorSyncFailed)
		require.Empty(t, after.said)
		require.Equal(t, []string{"customers", "orders"}, summary.Incomplete)
	})
	t.Run("Err: a failed entry fails the sync at its end and skips what comes after it, and nothing else", func(t *testing.T) {
		env, after := newEnv(t), &afterwards{failing: "refresh gold"}
		after.register(env)
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, sql("gold"), sql("mail", "gold"), sql("other"))
		app := requireApplicationError(t, err, ErrorSyncFailed)
		require.Equal(t, "sync daily: gold, which runs after it, failed: no such view", app.Message())
		require.Equal(t, 4, summary.OK)
		require.Equal(t, map[string]string{"gold": "failed", "mail": "skipped", "other": "ok"}, statuses(summary))
		require.Equal(t, "gold, which it comes after, was not ok (failed)", summary.After[1].Error)
	})
	t.Run("Err: statements have the entry's time together", func(t *testing.T) {
		env := newEnv(t)
		var acts *activities.Activities
		env.OnActivity(acts.RunStatement, mock.Anything, mock.Anything).After(40 * time.Minute).Return(nil)
		gold := config.After{Name: "gold", SQL: []string{"one", "two", "three"}, Timeout: time.Hour}
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, gold)
		requireApplicationError(t, err, ErrorSyncFailed)
		require.Contains(t, summary.After[0].Error, "it took longer than its timeout")
	})
	t.Run("Err: a cancelled sync stops what runs and begins nothing more", func(t *testing.T) {
		env, after := newEnv(t), &afterwards{}
		var acts *activities.Activities
		env.OnActivity(acts.RunStatement, mock.Anything, mock.MatchedBy(func(in activities.RunStatementInput) bool { return in.Statement == "refresh gold" })).
			After(time.Hour).Return(context.Canceled)
		after.register(env)
		env.RegisterDelayedCallback(env.CancelWorkflow, 30*time.Minute)
		gold := sql("gold")
		gold.Timeout = 2 * time.Hour
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, gold, sql("mail", "gold"), sql("other"))
		require.True(t, temporal.IsCanceledError(err), err)
		require.Equal(t, map[string]string{"gold": "cancelled", "mail": "cancelled", "other": "ok"}, statuses(summary))
		require.Equal(t, []string{"central: refresh other"}, after.said)
		require.Equal(t, 4, summary.OK)
	})
}
