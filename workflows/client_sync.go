package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/table"
)

// ClientSyncInput is the part of a sync that concerns one client.
type ClientSyncInput struct {
	SyncInput
	Client table.Client `json:"client"`
}

// ClientSync brings the tables of one client up to date, a bounded number side by side. It fails only when it is
// cancelled; what became of each table is in its summary and in the sync log.
func ClientSync(ctx workflow.Context, in ClientSyncInput) (table.Summary, error) {
	c := clientSync{in: in}
	if err := c.run(ctx); err != nil {
		return c.summary, err
	}
	return c.summary, cancelledWith(ctx, c.summary)
}

type clientSync struct {
	in      ClientSyncInput
	summary table.Summary
}

func (c *clientSync) run(ctx workflow.Context) error {
	specs := selected(c.in.Sync.Tables, c.in.Select.Tables)
	if len(specs) == 0 {
		return nil
	}
	last, err := c.watermarks(ctx, specs)
	if err != nil {
		return err
	}
	slots := workflow.NewSemaphore(ctx, int64(c.in.Sync.Parallel.TablesPerClient))
	wait := workflow.NewWaitGroup(ctx)
	for _, spec := range specs {
		if err := slots.Acquire(ctx, 1); err != nil {
			break // cancelled: start no more
		}
		wait.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer wait.Done()
			defer slots.Release(1)
			c.syncTable(ctx, spec, last)
		})
	}
	disconnected, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	wait.Wait(disconnected)
	return nil
}

func (c *clientSync) watermarks(ctx workflow.Context, specs []table.Spec) (result activities.WatermarksResult, err error) {
	if c.in.Mode.Backfill() || c.in.Mode.Verify != nil {
		return result, nil
	}
	in := activities.WatermarksInput{Schema: c.in.Sync.Target.Central(), Client: c.in.Client.ID, Region: c.in.Client.Region}
	for _, spec := range specs {
		in.Tables = append(in.Tables, spec.Target)
	}
	var a *activities.Activities
	err = workflow.ExecuteActivity(watermarksOptions(ctx, c.in.Sync), a.Watermarks, in).Get(ctx, &result)
	return result, err
}

func (c *clientSync) syncTable(ctx workflow.Context, spec table.Spec, last activities.WatermarksResult) {
	ref := table.Ref{
		Sync: c.in.Sync.Name, Client: c.in.Client.ID, Region: c.in.Client.Region,
		Schema: c.in.Sync.Target.Central(), Table: spec.Target,
	}
	sync := c.in.Sync
	sync.Tables = nil // the spec says it all
	in := TableSyncInput{Sync: sync, Mode: c.in.Mode, Client: c.in.Client, Ref: ref, Spec: spec}
	in.Watermark, in.MovedFrom = last.Watermarks[spec.Target], last.Moved[spec.Target]
	started := workflow.Now(ctx)
	if c.in.Mode.Verify != nil {
		c.verifyTable(ctx, in, started)
		return
	}
	var run table.Run
	err := workflow.ExecuteChildWorkflow(tableOptions(ctx, in), TableSync, in).Get(ctx, &run)
	switch status := statusOf(err); status {
	case table.StatusOK:
		c.summary.Add(run)
	case table.StatusSkipped:
		c.skip(ctx, in, started, err)
	default:
		c.summary.AddProblem(table.Problem{Region: ref.Region, Client: ref.Client, Table: ref.Table, Status: status, Error: Reason(err)})
	}
}

// skip records a client table that another run has open.
func (c *clientSync) skip(ctx workflow.Context, in TableSyncInput, started time.Time, err error) {
	run := in.newRun(started, workflow.GetInfo(ctx).WorkflowExecution.RunID+"-"+in.Ref.Table)
	run.Status, run.Error, run.Finished = table.StatusSkipped, "skipped: "+TableSyncID(in.Ref)+": "+whoHasIt(err), workflow.Now(ctx)
	c.summary.Add(run)
	if err := logRun(ctx, in.Sync, run); err != nil {
		workflow.GetLogger(ctx).Warn("skipped run not logged", "client", in.Ref.Client, "table", in.Ref.Table, "error", err)
	}
}

// whoHasIt says why a client table is skipped. Its workflow's id has no schema, so that syncs into several share it.
func whoHasIt(err error) string {
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	if !errors.As(err, &started) {
		return Reason(err)
	}
	return "a run of that id is open: of this sync or another, also one that brings a table of that name into another schema, or a repair; " +
		"its rows come with the next run here, so give such syncs different times, or look at the open run in the Temporal Web UI"
}

// selected returns the specs of the named central tables; no names select all.
func selected(specs []table.Spec, names []string) []table.Spec {
	if len(names) == 0 {
		return specs
	}
	var kept []table.Spec
	for _, spec := range specs {
		for _, name := range names {
			if spec.Target == name {
				kept = append(kept, spec)
				break
			}
		}
	}
	return kept
}

// cancelledWith is the error of a workflow that was cancelled, carrying what it had done; nil when it was not.
func cancelledWith(ctx workflow.Context, summary table.Summary) error {
	if ctx.Err() == nil {
		return nil
	}
	return temporal.NewCanceledError(summary)
}
