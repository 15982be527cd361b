package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
)

// AwaitInput names a run of ClientSync.
type AwaitInput struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// AwaitClient waits for a ClientSync that an earlier run of its RegionSync started, and returns its summary, that of a
// cancelled one too. When the activity is cancelled, it cancels that workflow and still waits for
// its end. Repeating it is safe: it only reads, and cancelling twice is cancelling once.
func (a *Activities) AwaitClient(ctx context.Context, in AwaitInput) (table.Summary, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "await"} })
	defer stop()

	run := a.Temporal.GetWorkflow(ctx, in.WorkflowID, in.RunID)
	summary, err := resultOf(ctx, run)
	if ctx.Err() != nil && !stopping(ctx) {
		ctx = context.WithoutCancel(ctx)
		if err := a.Temporal.CancelWorkflow(ctx, in.WorkflowID, in.RunID); err != nil {
			return summary, classify(ctx, err)
		}
		summary, err = resultOf(ctx, run)
	}
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) { // asking again would say the same
		return summary, temporal.NewNonRetryableApplicationError(err.Error(), "Client", nil)
	}
	return summary, classify(ctx, err)
}

func resultOf(ctx context.Context, run client.WorkflowRun) (summary table.Summary, err error) {
	err = run.Get(ctx, &summary)
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() {
		return summary, cancelled.Details(&summary)
	}
	return summary, err
}
