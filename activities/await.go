package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
)

// AwaitInput names a run of ClientSync.
type AwaitInput struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// AwaitClient waits for a ClientSync that an earlier run of its RegionSync started, and returns its
// summary, that of a cancelled one too. Repeating it is safe: it only reads. It does not cancel the ClientSync when
// its own context ends, since that also happens when RegionSync continues as new: the next run awaits it again.
func (a *Activities) AwaitClient(ctx context.Context, in AwaitInput) (table.Summary, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "await"} })
	defer stop()

	var summary table.Summary
	err := a.Temporal.GetWorkflow(ctx, in.WorkflowID, in.RunID).Get(ctx, &summary)
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) && cancelled.HasDetails() {
		err = cancelled.Details(&summary)
	}
	var ended *temporal.WorkflowExecutionError
	if errors.As(err, &ended) { // asking again would say the same
		return summary, temporal.NewNonRetryableApplicationError(err.Error(), "Client", nil)
	}
	return summary, classify(ctx, err)
}
