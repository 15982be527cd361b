package workflows

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/databricks"
	"tributary/internal/table"
)

// workspace is a fake of Databricks' jobs. Job 1 ends well at its third look, job 2 fails, job 3 never ends.
type workspace struct {
	mu         sync.Mutex
	tokens     map[string]int64 // → run
	parameters map[string]string
	looks      int
	cancelled  []int64
	refusals   int // how many calls of RunJob start a run, and lose the answer
}

func (w *workspace) RunJob(_ context.Context, run databricks.RunJob) (int64, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tokens == nil {
		w.tokens = map[string]int64{}
	}
	if _, again := w.tokens[run.Token]; !again {
		w.tokens[run.Token] = int64(100+10*len(w.tokens)) + run.JobID
	}
	w.parameters = run.Parameters
	if w.refusals > 0 {
		w.refusals--
		return 0, databricks.ErrUnavailable
	}
	return w.tokens[run.Token], nil
}

func (w *workspace) JobRun(_ context.Context, run int64) (databricks.JobRun, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	state := databricks.JobRun{State: databricks.JobRunning, URL: "https://workspace/run"}
	switch {
	case run%10 == 1 && w.looks >= 3:
		state.State = databricks.JobSucceeded
	case run%10 == 2:
		state.State, state.Message = databricks.JobFailed, "Task gold failed"
	}
	return state, nil
}

func (w *workspace) CancelRun(_ context.Context, run int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cancelled = append(w.cancelled, run)
	return nil
}

// jobEnv runs the real activities of jobs with a fake workspace.
func jobEnv(t *testing.T, w *workspace) *testsuite.TestWorkflowEnvironment {
	t.Helper()
	env := newEnv(t)
	env.RegisterActivity(&activities.Activities{Jobs: w})
	return env
}

func job(id int64) config.After {
	return config.After{Name: "gold", Job: id, Wait: true, Timeout: time.Hour, Parameters: map[string]string{"what": "${sync} of ${schema}"}}
}

func TestAJobAfterASync(t *testing.T) {
	t.Run("OK: it runs once, with its parameters, though the answer was lost", func(t *testing.T) {
		w := &workspace{refusals: 2}
		summary, err := runSync(t, jobEnv(t, w), &steppedActivities{}, SyncInput{}, job(1))
		require.NoError(t, err)
		require.Len(t, w.tokens, 1)
		for token := range w.tokens {
			require.Len(t, token, 64)
		}
		require.Equal(t, map[string]string{"what": "daily of central"}, w.parameters)
		require.Equal(t, table.StatusOK, summary.After[0].Status)
		require.Equal(t, "https://workspace/run", summary.After[0].URL)
		require.Empty(t, w.cancelled)
	})
	t.Run("OK: it is started and left alone when nobody waits", func(t *testing.T) {
		w, gold := &workspace{}, job(3)
		gold.Wait = false
		_, err := runSync(t, jobEnv(t, w), &steppedActivities{}, SyncInput{}, gold)
		require.NoError(t, err)
		require.Len(t, w.tokens, 1)
		require.Zero(t, w.looks)
		require.Empty(t, w.cancelled)
	})
	t.Run("Err: a failed job fails the sync, and is named with the reason", func(t *testing.T) {
		w := &workspace{}
		summary, err := runSync(t, jobEnv(t, w), &steppedActivities{}, SyncInput{}, job(2))
		requireApplicationError(t, err, ErrorSyncFailed)
		require.Equal(t, "run 102 of the job ended as failed: Task gold failed; see its page in Databricks", summary.After[0].Error)
		require.Equal(t, "https://workspace/run", summary.After[0].URL)
		require.Empty(t, w.cancelled)
	})
	t.Run("Err: a job that takes too long is cancelled", func(t *testing.T) {
		w := &workspace{}
		env := jobEnv(t, w)
		var acts *activities.Activities
		env.OnActivity(acts.AwaitJob, mock.Anything, mock.Anything).
			Return(activities.JobRun{}, temporal.NewTimeoutError(enums.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil))
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, job(3))
		requireApplicationError(t, err, ErrorSyncFailed)
		require.Contains(t, summary.After[0].Error, "it took longer than its timeout")
		require.Equal(t, []int64{103}, w.cancelled)
	})
	t.Run("Err: a cancelled sync cancels its job", func(t *testing.T) {
		w := &workspace{}
		env := jobEnv(t, w)
		env.RegisterDelayedCallback(env.CancelWorkflow, 20*time.Minute)
		var acts *activities.Activities
		env.OnActivity(acts.AwaitJob, mock.Anything, mock.Anything).After(30*time.Minute).Return(activities.JobRun{}, context.Canceled)
		after := &afterwards{}
		after.register(env)
		summary, err := runSync(t, env, &steppedActivities{}, SyncInput{}, job(3), sql("mail", "gold"))
		require.ErrorContains(t, err, "canceled")
		require.Equal(t, map[string]string{"gold": "cancelled", "mail": "cancelled"}, statuses(summary))
		require.Equal(t, []int64{103}, w.cancelled)
		require.Empty(t, after.said)
	})
}
