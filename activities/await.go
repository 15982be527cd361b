package activities

import (
	"context"

	"tributary/internal/table"
)

// AwaitInput names a run of ClientSync.
type AwaitInput struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

// AwaitClient waits for a ClientSync that an earlier run of its RegionSync started. When it is
// cancelled, it cancels that workflow and still waits for its end. Repeating it is safe: it only
// reads, and cancelling twice is cancelling once.
func (a *Activities) AwaitClient(ctx context.Context, in AwaitInput) (table.Summary, error) {
	stop := heartbeat(ctx, func() Progress { return Progress{Step: "await"} })
	defer stop()

	run := a.Temporal.GetWorkflow(ctx, in.WorkflowID, in.RunID)
	var summary table.Summary
	err := run.Get(ctx, &summary)
	if ctx.Err() != nil && !stopping(ctx) {
		ctx = context.WithoutCancel(ctx)
		if err := a.Temporal.CancelWorkflow(ctx, in.WorkflowID, in.RunID); err != nil {
			return summary, classify(ctx, err)
		}
		err = run.Get(ctx, &summary)
	}
	return summary, classify(ctx, err)
}
