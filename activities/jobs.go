package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"

	"tributary/internal/databricks"
)

// Jobs runs the jobs of a workspace; databricks.Workspace does.
type Jobs interface {
	// RunJob starts a job and returns the run's id. With the same token it does so once.
	RunJob(ctx context.Context, run databricks.RunJob) (runID int64, err error)

	// JobRun returns the state of a run.
	JobRun(ctx context.Context, runID int64) (databricks.JobRun, error)

	// CancelRun asks a run to end. One that has ended stays as it is.
	CancelRun(ctx context.Context, runID int64) error
}

// JobRun is how a run of a job is, or how it ended.
type JobRun struct {
	State   string `json:"state"`             // databricks.Job…
	Message string `json:"message,omitempty"` // the workspace's words
	URL     string `json:"url,omitempty"`     // of the run's page
}

// StartJobInput is a job to run.
type StartJobInput struct {
	Job        int64             `json:"job"`
	Parameters map[string]string `json:"parameters,omitempty"`
	Token      string            `json:"token"` // the same for every try; at most 64 characters
}

// StartedJob is a run of a job.
type StartedJob struct {
	Run int64 `json:"run"`
}

// ErrorJob is the type of the error of a job's run that ended otherwise than well.
const ErrorJob = "Job"

// StartJob starts a run of a job. Repeating it is safe: with the same token, Databricks starts one run only.
func (a *Activities) StartJob(ctx context.Context, in StartJobInput) (StartedJob, error) {
	if err := a.needJobs(); err != nil {
		return StartedJob{}, err
	}
	run, err := a.Jobs.RunJob(ctx, databricks.RunJob{JobID: in.Job, Parameters: in.Parameters, Token: in.Token})
	return StartedJob{Run: run}, classify(ctx, err)
}

// Pauses between two looks at a run: each is half as long again as the one before.
const (
	firstLook = time.Second
	lastLook  = 30 * time.Second
)

// AwaitJob waits for a run to end, and fails when it did not end well. Repeating it is safe: it only reads.
func (a *Activities) AwaitJob(ctx context.Context, in StartedJob) (JobRun, error) {
	if err := a.needJobs(); err != nil {
		return JobRun{}, err
	}
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "job"} })
	defer stop()

	for pause := firstLook; ; pause = min(pause*3/2, lastLook) {
		found, err := a.Jobs.JobRun(ctx, in.Run)
		run := JobRun(found)
		switch {
		case err != nil:
			return run, outOfTime(ctx, classify(ctx, err))
		case found.State == databricks.JobSucceeded:
			return run, nil
		case found.Done():
			return run, temporal.NewNonRetryableApplicationError(run.failure(in.Run), ErrorJob, nil, run)
		}
		select {
		case <-ctx.Done():
			return run, classify(ctx, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// outOfTime waits for the end of an activity that has no time left to be tried again, which then is why it fails: a request that the
// deadline cuts short fails as if the workspace were out of reach.
func outOfTime(ctx context.Context, err error) error {
	var app *temporal.ApplicationError
	deadline, ok := ctx.Deadline()
	if !ok || time.Until(deadline) > time.Second/2 || errors.As(err, &app) && app.NonRetryable() {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (r JobRun) failure(run int64) string {
	text := fmt.Sprintf("run %d of the job ended as %s", run, r.State)
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text + "; see its page in Databricks"
}

// CancelJob asks a run to stop. Repeating it is safe: a run that has ended stays as it is.
func (a *Activities) CancelJob(ctx context.Context, in StartedJob) error {
	if err := a.needJobs(); err != nil {
		return err
	}
	return classify(ctx, a.Jobs.CancelRun(ctx, in.Run))
}

func (a *Activities) needJobs() error {
	if a.Jobs != nil {
		return nil
	}
	return temporal.NewNonRetryableApplicationError("this worker's lake runs no jobs: give every worker the same lake.kind, and restart them", "Setup", nil)
}
