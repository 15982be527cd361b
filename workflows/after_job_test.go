package workflows_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/databricks"
	"tributary/internal/registry"
	"tributary/internal/table"
	"tributary/internal/testserver"
	"tributary/internal/testserver/workspace"
	"tributary/workflows"
)

// jobStack is a real server and a workspace; only what a region does is made up.
type jobStack struct {
	server    *testserver.DevServer
	workspace *workspace.Workspace
	jobs      *databricks.Workspace
}

// Jobs of the workspace.
const (
	goodJob = iota + 1
	badJob
	endlessJob
	skippedJob
	deniedJob
	unknownJob
)

func newJobStack(t *testing.T) *jobStack {
	t.Helper()
	s := &jobStack{server: testserver.Temporal(t), workspace: workspace.Start(t, workspace.Options{})}
	for _, j := range []workspace.Job{
		{ID: goodJob, Running: 2}, {ID: badJob, Result: "FAILED", Message: "Task gold failed"}, {ID: endlessJob, Running: 1 << 30},
		{ID: skippedJob, Skipped: true, Message: "too many runs are open"}, {ID: deniedJob},
	} {
		s.workspace.AddJob(j)
	}
	s.workspace.Deny(fmt.Sprintf("CAN MANAGE RUN %d", deniedJob))
	var err error
	s.jobs, err = databricks.Open(t.Context(), databricks.Options{Host: s.workspace.URL, Token: s.workspace.Token, Retry: time.Second})
	require.NoError(t, err)
	s.work(t)
	return s
}

func (s *jobStack) work(t *testing.T) {
	t.Helper()
	a := &activities.Activities{Registry: registry.NewFile(writeRegistry(t, 1)), Temporal: s.server.Client, Jobs: s.jobs}
	control := worker.New(s.server.Client, workflows.ControlQueue, worker.Options{})
	control.RegisterWorkflow(workflows.Sync)
	control.RegisterActivity(a.ListRegions)
	control.RegisterWorkflowWithOptions(func(workflow.Context, workflows.RegionSyncInput) (table.Summary, error) {
		return table.Summary{OK: 1, Clients: 1}, nil
	}, workflow.RegisterOptions{Name: "RegionSync"})
	lake := worker.New(s.server.Client, workflows.LakeQueue, worker.Options{MaxHeartbeatThrottleInterval: time.Second, DefaultHeartbeatThrottleInterval: time.Second})
	workflows.RegisterLake(lake, a)
	for _, w := range []worker.Worker{control, lake} {
		require.NoError(t, w.Start())
		t.Cleanup(w.Stop)
	}
}

// underWay is what runs after the sync, as the sync itself says.
func (s *jobStack) underWay(t *testing.T, run client.WorkflowRun) []string {
	t.Helper()
	answer, err := s.server.Client.QueryWorkflow(t.Context(), run.GetID(), run.GetRunID(), workflows.QueryProgress)
	require.NoError(t, err)
	var progress workflows.Progress
	require.NoError(t, answer.Get(&progress))
	return progress.After
}

func (s *jobStack) start(t *testing.T, job int64, change func(*config.After)) client.WorkflowRun {
	t.Helper()
	gold := config.After{Name: "gold", Job: job, Wait: true, Timeout: time.Hour, Parameters: map[string]string{"what": "${sync} of ${schema}"}}
	if change != nil {
		change(&gold)
	}
	sync := config.Sync{
		Name: "daily", Target: config.Target{Catalog: "main", Schema: "central"}, Tables: []table.Spec{{Name: "orders", Target: "orders"}},
		Retry:    config.Retry{Attempts: 3, Initial: 100 * time.Millisecond, Max: time.Second},
		Timeouts: config.Timeouts{Extract: time.Hour, Step: time.Hour, Heartbeat: 30 * time.Second},
		After:    []config.After{gold},
	}
	run, err := s.server.Client.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "sync/" + t.Name(), TaskQueue: workflows.ControlQueue},
		workflows.Sync, workflows.SyncInput{Sync: sync})
	require.NoError(t, err)
	return run
}

// result is what became of the job, and how the sync ended.
func (s *jobStack) result(t *testing.T, run client.WorkflowRun) (table.AfterResult, error) {
	t.Helper()
	var summary table.Summary
	err := run.Get(t.Context(), &summary)
	name := "after-Sync-Completed"
	var app *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	switch {
	case errors.As(err, &cancelled):
		name = "after-Sync-Canceled"
		require.NoError(t, cancelled.Details(&summary))
	case errors.As(err, &app):
		name = "after-Sync-Failed"
		require.NoError(t, app.Details(&summary))
	default:
		require.NoError(t, err)
	}
	requireReplayable(t, s.server.Client, run, name)
	require.Equal(t, 1, summary.OK, "the client tables have arrived all the same")
	require.Len(t, summary.After, 1)
	return summary.After[0], err
}

// state is the state of the workspace's only run of a job.
func (s *jobStack) state(t *testing.T, result string) {
	t.Helper()
	run, err := s.jobs.JobRun(t.Context(), 1000)
	require.NoError(t, err)
	require.Equal(t, result, run.State)
}

func TestAJobAfterASync(t *testing.T) {
	t.Run("OK: it runs once, with its parameters, though its answer was lost", func(t *testing.T) {
		t.Parallel()
		s := newJobStack(t)
		s.workspace.Fail(workspace.Fault{Method: "POST", Prefix: "/api/2.2/jobs/run-now", CutResponse: 5, Times: 2})
		got, err := s.result(t, s.start(t, goodJob, nil))
		require.NoError(t, err)
		require.Equal(t, []map[string]string{{"what": "daily of main.central"}}, s.workspace.Runs(goodJob))
		require.Equal(t, table.StatusOK, got.Status)
		require.Equal(t, s.workspace.URL+"/jobs/1/runs/1000", got.URL)
		s.state(t, databricks.JobSucceeded)
	})
	t.Run("OK: it is started and left alone when nobody waits", func(t *testing.T) {
		t.Parallel()
		s := newJobStack(t)
		got, err := s.result(t, s.start(t, endlessJob, func(gold *config.After) { gold.Wait = false }))
		require.NoError(t, err)
		require.Equal(t, table.StatusOK, got.Status)
		s.state(t, databricks.JobRunning)
	})
	t.Run("Err: it fails the sync", func(t *testing.T) {
		t.Parallel()
		s := newJobStack(t)
		for job, why := range map[int64]string{
			badJob: "ended as failed: Task gold failed; see its page", skippedJob: "ended as skipped: too many runs are open",
			deniedJob: "CAN MANAGE RUN on the job", unknownJob: "correct the job's id",
		} {
			t.Run(fmt.Sprint(job), func(t *testing.T) {
				got, err := s.result(t, s.start(t, job, nil))
				require.ErrorContains(t, err, "gold, which runs after it, failed")
				require.Equal(t, table.StatusFailed, got.Status)
				require.Contains(t, got.Error, why)
				require.LessOrEqual(t, len(s.workspace.Runs(job)), 1)
			})
		}
	})
	t.Run("Err: one that takes too long is cancelled", func(t *testing.T) {
		t.Parallel()
		s := newJobStack(t)
		got, err := s.result(t, s.start(t, endlessJob, func(gold *config.After) { gold.Timeout = 15 * time.Second })) // of which its start takes a part, on a busy machine some seconds
		require.Error(t, err)
		require.Contains(t, got.Error, "it took longer than its timeout")
		s.state(t, databricks.JobCancelled)
	})
	t.Run("Err: a cancelled sync cancels its job", func(t *testing.T) {
		t.Parallel()
		s := newJobStack(t)
		run := s.start(t, endlessJob, nil)
		require.Eventually(t, func() bool { return s.workspace.Count("GET", "/api/2.2/jobs/runs/get") > 1 }, 2*time.Minute, 50*time.Millisecond)
		require.Equal(t, []string{"gold"}, s.underWay(t, run))
		require.NoError(t, s.server.Client.CancelWorkflow(t.Context(), run.GetID(), ""))
		got, err := s.result(t, run)
		require.Error(t, err)
		require.Equal(t, table.StatusCancelled, got.Status)
		require.Empty(t, s.underWay(t, run))
		s.state(t, databricks.JobCancelled)
	})
}
