package databricks

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/jobs"
)

// RunJob says which job to run.
type RunJob struct {
	JobID      int64
	Parameters map[string]string // job parameters by name, over the job's own
	Token      string            // of 1 to 64 characters: a second request with the same one gets the same run
}

// States of a job's run.
const (
	JobRunning   = "running" // or queued, or waiting
	JobSucceeded = "succeeded"
	JobFailed    = "failed" // timed out, or an internal error, too
	JobCancelled = "cancelled"
	JobSkipped   = "skipped" // it did not run: it is disabled, or too many runs of it are open
)

// JobRun is the state of a job's run.
type JobRun struct {
	State   string // Job…
	Message string // the workspace's words; may be empty
	URL     string // of the run's page
}

// Done says whether the run has ended.
func (r JobRun) Done() bool { return r.State != JobRunning }

const maxRunToken = 64

// RunJob starts a job and returns the run's id. It is safe to repeat with the same token: the job runs once.
func (w *Workspace) RunJob(ctx context.Context, run RunJob) (runID int64, err error) {
	if run.Token == "" || len(run.Token) > maxRunToken {
		return 0, fmt.Errorf("%w: running job %d needs a token of 1 to %d characters, and has one of %d", ErrInvalid, run.JobID, maxRunToken, len(run.Token))
	}
	err = w.again(ctx, func() error {
		// RunNow's waiter is not used: a run can take longer than a process lives.
		wait, err := w.jobs.RunNow(ctx, jobs.RunNow{JobId: run.JobID, JobParameters: run.Parameters, IdempotencyToken: run.Token})
		if err == nil {
			runID = wait.RunId
		}
		return err
	})
	return runID, w.failed(ctx, err, w.jobAdvice(fmt.Sprintf("run job %d", run.JobID)))
}

// JobRun returns the state of a run.
func (w *Workspace) JobRun(ctx context.Context, runID int64) (JobRun, error) {
	var run *jobs.Run
	err := w.again(ctx, func() (err error) {
		run, err = w.jobs.GetRun(ctx, jobs.GetRunRequest{RunId: runID})
		return err
	})
	if err != nil {
		return JobRun{}, w.failed(ctx, err, w.jobAdvice(fmt.Sprintf("look at run %d", runID)))
	}
	state := jobs.RunState{}
	if run.State != nil {
		state = *run.State
	}
	return JobRun{State: jobState(state), Message: state.StateMessage, URL: run.RunPageUrl}, nil
}

// CancelRun asks a run to end; it does so in a while. A run that has ended stays as it is.
func (w *Workspace) CancelRun(ctx context.Context, runID int64) error {
	err := w.again(ctx, func() error {
		_, err := w.jobs.CancelRun(ctx, jobs.CancelRun{RunId: runID}) // not waited for
		return err
	})
	return w.failed(ctx, err, w.jobAdvice(fmt.Sprintf("cancel run %d", runID)))
}

func jobState(s jobs.RunState) string {
	switch s.LifeCycleState {
	case jobs.RunLifeCycleStateSkipped:
		return JobSkipped
	case jobs.RunLifeCycleStateInternalError:
		return JobFailed
	case jobs.RunLifeCycleStateTerminated:
	default:
		return JobRunning
	}
	switch s.ResultState {
	case jobs.RunResultStateSuccess, jobs.RunResultStateSuccessWithFailures: // with failures: of tasks that the job goes on without
		return JobSucceeded
	case jobs.RunResultStateCanceled, jobs.RunResultStateUpstreamCanceled:
		return JobCancelled
	case jobs.RunResultStateDisabled, jobs.RunResultStateExcluded, jobs.RunResultStateMaximumConcurrentRunsReached:
		return JobSkipped
	}
	return JobFailed
}

func (w *Workspace) jobAdvice(what string) advice {
	return advice{
		what:    what,
		denied:  fmt.Sprintf("give %s CAN MANAGE RUN on the job", w.identity()),
		missing: "correct the job's id: it is in the address of the job's page",
	}
}
