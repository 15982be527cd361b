package workflows

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/steps"
	"tributary/internal/table"
)

// steppedActivities stands in for the activities, so that a test says how each step ends. The zero value is a
// source with one row in every table.
type steppedActivities struct {
	Extract   func(in activities.ExtractInput) (activities.ExtractResult, error)
	Validate  func(in activities.StepInput) (steps.Validated, error)
	Transform func(in activities.StepInput) (table.Batch, error)
	Merge     func(batch table.Batch) (lake.MergeResult, error)

	mu        sync.Mutex
	logged    []table.Run
	discarded []string
}

func (s *steppedActivities) runs() []table.Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]table.Run(nil), s.logged...)
}

func (s *steppedActivities) register(env *testsuite.TestWorkflowEnvironment) {
	var a *activities.Activities
	env.OnActivity(a.Extract, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.ExtractInput) (activities.ExtractResult, error) {
			if s.Extract != nil {
				return s.Extract(in)
			}
			return oneRow(in), nil
		}).Maybe()
	env.OnActivity(a.Validate, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.StepInput) (steps.Validated, error) {
			if s.Validate != nil {
				return s.Validate(in)
			}
			return steps.Validated{Counts: table.Counts{Read: in.Raw.Rows}}, nil
		}).Maybe()
	env.OnActivity(a.Transform, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.StepInput) (table.Batch, error) {
			if s.Transform != nil {
				return s.Transform(in)
			}
			return table.Batch{ID: in.RunID, Ref: in.Ref, Rows: in.Raw.Rows}, nil
		}).Maybe()
	env.OnActivity(a.Merge, mock.Anything, mock.Anything).Return(
		func(_ context.Context, batch table.Batch) (lake.MergeResult, error) {
			if s.Merge != nil {
				return s.Merge(batch)
			}
			return lake.MergeResult{Inserted: batch.Rows}, nil
		}).Maybe()
	env.OnActivity(a.Discard, mock.Anything, mock.Anything).Return(
		func(_ context.Context, job activities.Job) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.discarded = append(s.discarded, job.RunID)
			return nil
		}).Maybe()
	env.OnActivity(a.Log, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.LogInput) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.logged = append(s.logged, in.Run)
			return nil
		}).Maybe()
	env.OnActivity(a.Watermarks, mock.Anything, mock.Anything).Return(
		activities.WatermarksResult{Watermarks: map[string]string{"orders": "2026-01-01 00:00:00.000000"}}, nil).Maybe()
}

func oneRow(in activities.ExtractInput) activities.ExtractResult {
	window := table.Window{Kind: table.CursorTime, Low: in.Watermark, High: "2026-01-02 00:00:00.000000"}
	return activities.ExtractResult{Raw: table.Raw{Rows: 1, Window: window, Watermark: window.High}}
}

func permanentError(message string) error {
	return temporal.NewNonRetryableApplicationError(message, "Missing", nil)
}

// patientEnv takes a workflow that gets no processor for a second, which is a busy machine's, for no deadlock.
func patientEnv() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	env.SetWorkerOptions(worker.Options{EnableSessionWorker: true, DeadlockDetectionTimeout: time.Minute})
	return env
}

func newEnv(t *testing.T) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := patientEnv()
	a := &activities.Activities{}
	Register(env, a)
	RegisterSource(env, a)
	RegisterLake(env, a)
	return env
}

// loseSession has the first worker that is to create a session never report again. The next one says as the SDK's does that it did.
func loseSession(env *testsuite.TestWorkflowEnvironment) {
	const create = "internalSessionCreationActivity" // the SDK's name
	lost := temporal.NewNonRetryableApplicationError("the suite tries again what the server does not", "", temporal.NewHeartbeatTimeoutError())
	env.OnActivity(create, mock.Anything, mock.Anything).Return(lost).Once()
	env.OnActivity(create, mock.Anything, mock.Anything).Return(func(_ context.Context, session string) error {
		env.SignalWorkflow(session, map[string]string{"Taskqueue": "the worker's own"})
		return nil
	}).Once()
}

// registryOf answers the registry's activities with the clients of each region, in pages.
func registryOf(env *testsuite.TestWorkflowEnvironment, regions map[string]int) {
	var a *activities.Activities
	env.OnActivity(a.ListRegions, mock.Anything, mock.Anything).Return(
		func(context.Context, activities.ListRegionsInput) (activities.ListRegionsResult, error) {
			var result activities.ListRegionsResult
			for _, region := range []string{"ap", "eu", "us"} {
				if regions[region] > 0 {
					result.Regions = append(result.Regions, region)
				}
			}
			return result, nil
		}).Maybe()
	env.OnActivity(a.ListClients, mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.ListClientsInput) (activities.ListClientsResult, error) {
			first := 0
			if in.After != "" {
				if _, err := fmt.Sscanf(in.After, in.Region+"%d", &first); err != nil {
					return activities.ListClientsResult{}, err
				}
				first++
			}
			var page activities.ListClientsResult
			for i := first; i < min(first+in.Limit, regions[in.Region]); i++ {
				page.Clients = append(page.Clients, table.Client{ID: fmt.Sprintf("%s%04d", in.Region, i), Region: in.Region})
			}
			if first+in.Limit < regions[in.Region] {
				page.Next = page.Clients[len(page.Clients)-1].ID
			}
			return page, nil
		}).Maybe()
}

func daily() config.Sync {
	return config.Sync{
		Name: "daily", Target: config.Target{Schema: "central"},
		Parallel: config.Parallel{Clients: 3, TablesPerClient: 2},
		Retry:    config.Retry{Attempts: 3, Initial: time.Second, Max: time.Minute},
		Timeouts: config.Timeouts{Extract: time.Hour, Step: time.Hour, Heartbeat: 30 * time.Second},
		Tables:   []table.Spec{{Name: "orders", Target: "orders"}, {Name: "customers", Target: "customers"}},
	}
}

func ordersOf(client string) TableSyncInput {
	sync := daily()
	return TableSyncInput{
		Sync: sync, Spec: sync.Tables[0], Watermark: "2026-01-01 00:00:00.000000",
		Client: table.Client{ID: client, Region: "eu"},
		Ref:    table.Ref{Sync: "daily", Client: client, Region: "eu", Schema: "central", Table: "orders"},
	}
}

func requireApplicationError(t *testing.T, err error, name string) *temporal.ApplicationError {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, name, app.Type())
	return app
}

func decodeContinued(t *testing.T, again *workflow.ContinueAsNewError) (next RegionSyncInput) {
	t.Helper()
	require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(again.Input, &next))
	return next
}
