package workflows

import (
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/table"
)

// RegionSyncInput is the part of a sync in one region. The fields below Region carry the state from
// one run of the workflow to the next, as it continues as new.
type RegionSyncInput struct {
	SyncInput
	Region  string        `json:"region"`
	After   string        `json:"after,omitempty"`   // the clients that come after this id are still to be started
	Clients []carried     `json:"clients,omitempty"` // under way since an earlier run
	Summary table.Summary `json:"summary,omitzero"`
}

// carried is a ClientSync that outlived the run that started it.
type carried struct {
	Client     string `json:"client"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

const (
	clientsPerPage = 100 // a page is one payload: about 30 KB
	clientsPerRun  = 500 // keeps a history below 5,000 events; the server may suggest fewer, for its bytes
)

// RegionSync brings the clients of a region up to date, a bounded number side by side: as one ends, the next begins.
// It continues as new every few hundred clients without waiting for those under way. It fails only when it is
// cancelled or the registry cannot be read.
func RegionSync(ctx workflow.Context, in RegionSyncInput) (table.Summary, error) {
	r, err := newRegionSync(ctx, in)
	if err != nil {
		return in.Summary, err
	}
	if err := r.run(ctx); err != nil {
		return r.progress.Summary, err
	}
	return r.end(ctx)
}

type regionSync struct {
	in       RegionSyncInput
	progress *Progress
	running  map[string]carried // by workflow id
	started  int
	more     bool // clients are left for another run
}

func newRegionSync(ctx workflow.Context, in RegionSyncInput) (*regionSync, error) {
	progress, err := serveProgress(ctx)
	if err != nil {
		return nil, err
	}
	progress.Summary = in.Summary
	return &regionSync{in: in, progress: progress, running: map[string]carried{}}, nil
}

func (r *regionSync) run(ctx workflow.Context) error {
	for _, c := range r.in.Clients {
		r.await(ctx, c)
	}
	for {
		page, err := r.page(ctx)
		if err != nil {
			return r.drain(ctx, err)
		}
		for _, client := range page.Clients {
			if err := workflow.Await(ctx, func() bool { return len(r.running) < r.in.Sync.Parallel.Clients }); err != nil {
				return r.drain(ctx, nil) // cancelled: start no more
			}
			r.start(ctx, client)
			r.in.After = client.ID
			if r.started >= clientsPerRun || workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
				r.more = true
				return nil
			}
		}
		if r.in.After = page.Next; page.Next == "" {
			return r.drain(ctx, nil)
		}
	}
}

func (r *regionSync) page(ctx workflow.Context) (activities.ListClientsResult, error) {
	only := r.in.Select.Clients
	if len(only) == 0 {
		only = r.in.Sync.Clients
	}
	var a *activities.Activities
	var page activities.ListClientsResult
	err := workflow.ExecuteActivity(controlOptions(ctx, r.in.Sync), a.ListClients, activities.ListClientsInput{
		Region: r.in.Region, Only: only, After: r.in.After, Limit: clientsPerPage,
	}).Get(ctx, &page)
	return page, err
}

// start starts a ClientSync and gathers its summary when it ends.
func (r *regionSync) start(ctx workflow.Context, client table.Client) {
	parent := workflow.GetInfo(ctx).WorkflowExecution.ID
	options := clientOptions(ctx, parent, r.in.Sync, client)
	id := ClientSyncID(parent, client.ID)
	child := workflow.ExecuteChildWorkflow(options, ClientSync, ClientSyncInput{SyncInput: r.in.SyncInput, Client: client})
	c := carried{Client: client.ID, WorkflowID: id}
	r.started++
	r.track(ctx, c, func(ctx workflow.Context) (summary table.Summary, err error) {
		var execution workflow.Execution
		if err := child.GetChildWorkflowExecution().Get(ctx, &execution); err != nil {
			return summary, err
		}
		c.RunID = execution.RunID
		if _, running := r.running[id]; running {
			r.running[id] = c
		}
		err = child.Get(ctx, &summary)
		return summary, err
	})
}

// await gathers the summary of a ClientSync that an earlier run started. When the region is cancelled, so is
// the ClientSync, and its end is still awaited.
func (r *regionSync) await(ctx workflow.Context, c carried) {
	r.track(ctx, c, func(ctx workflow.Context) (summary table.Summary, err error) {
		waiting, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		var a *activities.Activities
		in := activities.AwaitInput{WorkflowID: c.WorkflowID, RunID: c.RunID}
		ended := workflow.ExecuteActivity(awaitOptions(waiting, r.in.Sync), a.AwaitClient, in)
		_ = workflow.Await(ctx, ended.IsReady) // or until the region is cancelled
		if !ended.IsReady() {
			// It fails only when the ClientSync has ended by now.
			_ = workflow.RequestCancelExternalWorkflow(waiting, c.WorkflowID, c.RunID).Get(waiting, nil)
		}
		err = ended.Get(waiting, &summary)
		return summary, err
	})
}

func (r *regionSync) track(ctx workflow.Context, c carried, wait func(workflow.Context) (table.Summary, error)) {
	r.running[c.WorkflowID] = c
	r.progress.start(c.WorkflowID)
	workflow.Go(ctx, func(ctx workflow.Context) {
		summary, err := wait(ctx)
		problem := table.Problem{Region: r.in.Region, Client: c.Client}
		r.progress.merge(summaryOf(summary, err, problem, r.in.SyncInput))
		r.progress.Summary.Clients++
		r.progress.end(c.WorkflowID)
		delete(r.running, c.WorkflowID)
	})
}

// drain waits for the clients under way, cancelled or not, and returns err.
func (r *regionSync) drain(ctx workflow.Context, err error) error {
	disconnected, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	if waitErr := workflow.Await(disconnected, func() bool { return len(r.running) == 0 }); err == nil {
		err = waitErr
	}
	return err
}

func (r *regionSync) end(ctx workflow.Context) (table.Summary, error) {
	if r.more && ctx.Err() == nil {
		return r.continueAsNew(ctx)
	}
	if r.progress.Summary.Clients == 0 && len(r.in.Select.Clients) == 0 && ctx.Err() == nil {
		r.progress.Summary.Note("region " + r.in.Region + " has no clients to sync")
	}
	return r.progress.Summary, cancelledWith(ctx, r.progress.Summary)
}

// continueAsNew goes on in a new run, with a fresh history, as soon as every started client has a run id to be awaited by.
func (r *regionSync) continueAsNew(ctx workflow.Context) (table.Summary, error) {
	known := func() bool {
		for _, id := range workflow.DeterministicKeys(r.running) {
			if r.running[id].RunID == "" {
				return false
			}
		}
		return true
	}
	if err := workflow.Await(ctx, known); err != nil {
		return r.progress.Summary, cancelledWith(ctx, r.progress.Summary)
	}
	next := r.in
	next.Summary = r.progress.Summary
	next.Clients = nil
	for _, id := range workflow.DeterministicKeys(r.running) {
		next.Clients = append(next.Clients, r.running[id])
	}
	return next.Summary, workflow.NewContinueAsNewError(ctx, RegionSync, next)
}
