package workflows

import (
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/config"
	"tributary/internal/table"
)

// How long and how often. What a sync's config does not say is here.
const (
	controlTimeout  = time.Minute         // one page of the registry, retries of its own included
	awaitTimeout    = 30 * 24 * time.Hour // a client that is carried from one run of RegionSync to the next
	sessionWait     = time.Hour           // for a worker of the region to have a free place
	sessionMargin   = time.Hour           // above the steps' own timeouts
	cancelTime      = 10 * time.Minute    // for asking a job to stop, in all
	logTimeout      = 10 * time.Minute
	logScheduleTime = 6 * time.Hour // a lake that is down that long loses the record, not the rows
	// watermarksTimeout bounds a look at the sync log: a warehouse has started by then, and a connection that nobody answers on is given up,
	// for all its heartbeats.
	watermarksTimeout = 30 * time.Minute
)

func retryPolicy(sync config.Sync) *temporal.RetryPolicy {
	return &temporal.RetryPolicy{
		InitialInterval: sync.Retry.Initial, BackoffCoefficient: 2,
		MaximumInterval: sync.Retry.Max, MaximumAttempts: int32(sync.Retry.Attempts),
	}
}

// untilDone tries again without end. It names the first interval, because Temporal's own of 1 s may be above the
// sync's longest, and the server then refuses the policy: the workflow would hang.
func untilDone(sync config.Sync) temporal.RetryPolicy {
	return temporal.RetryPolicy{InitialInterval: sync.Retry.Initial, MaximumInterval: sync.Retry.Max}
}

func activityOptions(ctx workflow.Context, sync config.Sync, queue string, timeout time.Duration) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: queue, StartToCloseTimeout: timeout, HeartbeatTimeout: sync.Timeouts.Heartbeat,
		WaitForCancellation: true, RetryPolicy: retryPolicy(sync),
	})
}

func controlOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	return workflow.WithHeartbeatTimeout(activityOptions(ctx, sync, ControlQueue, controlTimeout), 0)
}

func awaitOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	ctx = activityOptions(ctx, sync, ControlQueue, awaitTimeout)
	return workflow.WithRetryPolicy(ctx, untilDone(sync))
}

func lakeOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	return activityOptions(ctx, sync, LakeQueue, sync.Timeouts.Step)
}

// watermarksOptions are for a look at the sync log.
func watermarksOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	return activityOptions(ctx, sync, LakeQueue, min(watermarksTimeout, sync.Timeouts.Step))
}

func logOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	ctx = workflow.WithScheduleToCloseTimeout(activityOptions(ctx, sync, LakeQueue, logTimeout), logScheduleTime)
	return workflow.WithRetryPolicy(ctx, untilDone(sync))
}

// statementOptions are for one of the statements after a sync, which together have so much time left.
func statementOptions(ctx workflow.Context, sync config.Sync, left time.Duration) workflow.Context {
	return workflow.WithScheduleToCloseTimeout(activityOptions(ctx, sync, LakeQueue, left), left)
}

// startJobOptions are for starting a job, or asking it to stop.
func startJobOptions(ctx workflow.Context, sync config.Sync, left time.Duration) workflow.Context {
	ctx = workflow.WithHeartbeatTimeout(activityOptions(ctx, sync, LakeQueue, controlTimeout), 0)
	return workflow.WithScheduleToCloseTimeout(ctx, left)
}

// awaitJobOptions try again as long as there is time: the job goes on whether or not its workspace can be asked.
func awaitJobOptions(ctx workflow.Context, sync config.Sync, left time.Duration) workflow.Context {
	return workflow.WithRetryPolicy(statementOptions(ctx, sync, left), untilDone(sync))
}

// extractOptions and stepOptions are for activities in a session, whose queue is its worker's own.
func extractOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	return activityOptions(ctx, sync, "", sync.Timeouts.Extract)
}

func stepOptions(ctx workflow.Context, sync config.Sync) workflow.Context {
	return activityOptions(ctx, sync, "", sync.Timeouts.Step)
}

func sessionOptions(ctx workflow.Context, sync config.Sync, region string) (workflow.Context, *workflow.SessionOptions) {
	return workflow.WithTaskQueue(ctx, SourceQueue(region)), &workflow.SessionOptions{
		CreationTimeout:  sessionWait,
		ExecutionTimeout: sync.Timeouts.Extract + 2*sync.Timeouts.Step + sessionMargin,
		HeartbeatTimeout: sync.Timeouts.Heartbeat,
	}
}

func childOptions(ctx workflow.Context, id string, onClose enums.ParentClosePolicy, attributes ...temporal.SearchAttributeUpdate) workflow.Context {
	return workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: id, TaskQueue: ControlQueue, WaitForCancellation: true,
		WorkflowIDReusePolicy: enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		ParentClosePolicy:     onClose,
		TypedSearchAttributes: temporal.NewSearchAttributes(attributes...),
	})
}

func regionOptions(ctx workflow.Context, parent string, sync config.Sync, region string) workflow.Context {
	return childOptions(ctx, RegionSyncID(parent, region), enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		SearchSync.ValueSet(sync.Name), SearchRegion.ValueSet(region))
}

// clientOptions abandons a ClientSync when its parent closes, since continuing as new is closing.
func clientOptions(ctx workflow.Context, parent string, sync config.Sync, client table.Client) workflow.Context {
	return childOptions(ctx, ClientSyncID(parent, client.ID), enums.PARENT_CLOSE_POLICY_ABANDON,
		SearchSync.ValueSet(sync.Name), SearchRegion.ValueSet(client.Region), SearchClient.ValueSet(client.ID))
}

func verifyOptions(ctx workflow.Context, in TableSyncInput) workflow.Context {
	id := VerifyTableID(workflow.GetInfo(ctx).WorkflowExecution.ID, in.Ref, in.Mode.Verify.Repair)
	return childOptions(ctx, id, enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		SearchSync.ValueSet(in.Ref.Sync), SearchRegion.ValueSet(in.Ref.Region),
		SearchClient.ValueSet(in.Ref.Client), SearchTable.ValueSet(in.Ref.Table))
}

func tableOptions(ctx workflow.Context, in TableSyncInput) workflow.Context {
	id := TableSyncID(in.Ref)
	if in.Mode.Backfill() {
		id = BackfillID(in.Ref, in.Mode)
		if workflow.GetVersion(ctx, "backfill id without spaces", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
			id = spacedBackfillID(in.Ref, in.Mode)
		}
	}
	return childOptions(ctx, id, enums.PARENT_CLOSE_POLICY_REQUEST_CANCEL,
		SearchSync.ValueSet(in.Ref.Sync), SearchRegion.ValueSet(in.Ref.Region),
		SearchClient.ValueSet(in.Ref.Client), SearchTable.ValueSet(in.Ref.Table))
}
