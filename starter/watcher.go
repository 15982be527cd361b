package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"golang.org/x/sync/errgroup"

	"tributary/activities"
	"tributary/internal/table"
	"tributary/workflows"
)

// watcher asks Temporal how far a running sync is.
type watcher struct {
	client   client.Client
	sync     string
	run      client.WorkflowRun
	began    time.Time
	regions  []regionProgress // the last that is known of each
	hasAfter bool             // something may run after the sync
}

// regionProgress is how far a region is.
type regionProgress struct {
	name    string
	clients int // in all
	summary table.Summary
	running int  // clients under way
	seen    bool // it answered at least once
}

// runningTable is a client table under way, and how far its step is.
type runningTable struct {
	client, table string
	progress      activities.Progress
}

type progress struct {
	elapsed time.Duration
	regions []regionProgress
	tables  []runningTable
	after   []string // the names of what runs after the sync
}

func newWatcher(c client.Client, run client.WorkflowRun, sc scope, began time.Time) *watcher {
	w := &watcher{client: c, sync: sc.sync.Name, run: run, began: began, hasAfter: len(sc.sync.After) > 0}
	for _, region := range sc.regions {
		r := regionProgress{name: region}
		for _, client := range sc.clients {
			if client.Region == region {
				r.clients++
			}
		}
		w.regions = append(w.regions, r)
	}
	return w
}

// pollTimeout is how long a progress display waits for answers; what does not come stays as it was.
const pollTimeout = 3 * time.Second

func (w *watcher) poll(ctx context.Context) progress {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	var tables []runningTable
	var after []string
	group := errgroup.Group{}
	group.SetLimit(8)
	for i := range w.regions {
		group.Go(func() error { w.pollRegion(ctx, &w.regions[i]); return nil })
	}
	group.Go(func() error { tables = w.pollTables(ctx); return nil })
	if w.hasAfter {
		group.Go(func() error { after = w.pollAfter(ctx); return nil })
	}
	_ = group.Wait() // none returns an error: what is not known is not shown
	return progress{time.Since(w.began), w.regions, tables, after}
}

func (w *watcher) pollRegion(ctx context.Context, r *regionProgress) {
	answer, err := w.client.QueryWorkflow(ctx, workflows.RegionSyncID(w.run.GetID(), r.name), "", workflows.QueryProgress)
	var now workflows.Progress
	if err != nil || answer.Get(&now) != nil {
		return
	}
	r.summary, r.running, r.seen = now.Summary, len(now.Running), true
}

func (w *watcher) pollAfter(ctx context.Context) []string {
	answer, err := w.client.QueryWorkflow(ctx, w.run.GetID(), w.run.GetRunID(), workflows.QueryProgress)
	var now workflows.Progress
	if err != nil || answer.Get(&now) != nil {
		return nil
	}
	return now.After
}

// shownTables is how many client tables under way are asked for their progress, each with a call of its own.
const shownTables = 4

func (w *watcher) pollTables(ctx context.Context) []runningTable {
	listed, err := w.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		PageSize: 50,
		Query:    fmt.Sprintf("WorkflowType IN ('TableSync', 'VerifyTable') AND SyncName = '%s' AND ExecutionStatus = 'Running'", w.sync),
	})
	if err != nil {
		return nil
	}
	var tables []runningTable
	for _, info := range listed.GetExecutions() {
		if len(tables) == shownTables {
			break
		}
		if !strings.HasPrefix(info.GetParentExecution().GetWorkflowId(), w.run.GetID()+"/") {
			continue
		}
		if p, ok := w.heartbeat(ctx, info.GetExecution().GetWorkflowId()); ok {
			tables = append(tables, runningTable{attribute(info, workflows.SearchClient.GetName()), attribute(info, workflows.SearchTable.GetName()), p})
		}
	}
	return tables
}

// heartbeat returns the progress that a client table's step last reported. Short steps report none.
func (w *watcher) heartbeat(ctx context.Context, id string) (p activities.Progress, ok bool) {
	described, err := w.client.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return p, false
	}
	for _, pending := range described.GetPendingActivities() {
		if payloads := pending.GetHeartbeatDetails(); len(payloads.GetPayloads()) > 0 &&
			converter.GetDefaultDataConverter().FromPayloads(payloads, &p) == nil && p.Step != "" {
			return p, true
		}
	}
	return p, false
}

func attribute(info *workflow.WorkflowExecutionInfo, name string) string {
	var value string
	payload := info.GetSearchAttributes().GetIndexedFields()[name]
	if payload == nil || converter.GetDefaultDataConverter().FromPayload(payload, &value) != nil {
		return "?"
	}
	return value
}

func decodeInput(payloads []*common.Payload, in *workflows.SyncInput) error {
	if len(payloads) != 1 {
		return errors.New("the workflow's input is not a sync's; it was started by another version, or by other means")
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payloads[0], in); err != nil {
		return fmt.Errorf("the workflow's input is not a sync's: %w", err)
	}
	return nil
}
