package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/config"
	"tributary/internal/table"
	"tributary/workflows"
)

// maintenanceResult is how the maintenance of a sync's tables ended.
type maintenanceResult struct {
	Sync       string `json:"sync"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Status     string `json:"status"` // table.StatusOK, StatusFailed or StatusCancelled
	Error      string `json:"error,omitempty"`
	workflows.Maintained
}

func (a *app) awaitMaintenance(ctx context.Context, c client.Client, chosen []config.Sync, runs []client.WorkflowRun) error {
	results := make([]maintenanceResult, len(runs))
	code := codeOK
	for i, run := range runs {
		stop := a.showMaintenance(ctx, c, run)
		var done workflows.Maintained
		err := run.Get(ctx, &done)
		stop()
		r, ended := maintenanceOf(done, err)
		if !ended {
			return a.leaveMaintenance(ctx, chosen[i].Name, run, err)
		}
		r.Sync, r.WorkflowID, r.RunID = chosen[i].Name, run.GetID(), run.GetRunID()
		results[i] = r
		code = max(code, resultCodes[r.Status])
	}
	if err := a.printMaintenance(chosen, results); err != nil {
		return err
	}
	if code == codeOK {
		return nil
	}
	return &codedError{code: code}
}

// maintenanceOf reads how a maintenance ended; false when err only says that it is not known.
func maintenanceOf(done workflows.Maintained, err error) (maintenanceResult, bool) {
	if err == nil {
		return maintenanceResult{Status: table.StatusOK, Maintained: done}, true
	}
	if _, ended := errors.AsType[*temporal.WorkflowExecutionError](err); !ended {
		return maintenanceResult{}, false
	}
	r := maintenanceResult{Status: table.StatusFailed, Error: workflows.Reason(err)}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		r.Status, r.Error = table.StatusCancelled, ""
		_ = cancelled.Details(&r.Maintained) // without details nothing was done yet
	} else if failed, ok := errors.AsType[*temporal.ApplicationError](err); ok && failed.Type() == workflows.ErrorMaintainFailed && failed.Details(&r.Maintained) == nil {
		r.Error = "" // the tables say it
	}
	return r, true
}

func (a *app) leaveMaintenance(ctx context.Context, sync string, run client.WorkflowRun, err error) error {
	if ctx.Err() != nil {
		a.sayf("\n%s goes on; cancel it with: tributary cancel %s --maintain", run.GetID(), sync)
		return &codedError{code: codeInterrupted}
	}
	return fmt.Errorf("lost sight of %s, which goes on: %w", run.GetID(), err)
}

// showMaintenance says on standard error how far a maintenance is, until it is told to stop.
func (a *app) showMaintenance(ctx context.Context, c client.Client, run client.WorkflowRun) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(plainEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			var now workflows.Maintained
			if answer, err := c.QueryWorkflow(ctx, run.GetID(), run.GetRunID(), workflows.QueryMaintained); err == nil && answer.Get(&now) == nil {
				a.sayf("%s: %d of %d tables", run.GetID(), len(now.Tables), now.Of)
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// printMaintenance prints what became of each table.
func (a *app) printMaintenance(chosen []config.Sync, results []maintenanceResult) error {
	if a.json() {
		return a.writeJSON(results)
	}
	g := a.table("sync", "table", "status", "files before", "after", "vacuumed", "took", "error")
	g.right(4, 5, 6)
	for i, r := range results {
		m := chosen[i].Maintain
		for _, t := range r.Tables {
			did := t.Status == table.StatusOK || t.Status == table.StatusFailed
			g.row(r.Sync, t.Table, a.status(a.out, t.Status), countIf(did && m.Optimize, t.Before), countIf(did && m.Optimize, t.After),
				countIf(did && m.Vacuum && t.Deleted >= 0, t.Deleted), t.Took.Round(time.Second/10), dash(oneLine(t.Error, 600)))
		}
	}
	if err := g.flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Swept > 0 {
			fmt.Fprintf(a.out, "%s: removed %d batches that terminated runs had left staged\n", r.Sync, r.Swept)
		}
		for _, text := range append(r.Errors, r.Error) {
			if text != "" {
				fmt.Fprintf(a.out, "%s: %s\n", r.Sync, text)
			}
		}
		if r.Status == table.StatusCancelled {
			fmt.Fprintf(a.out, "%s: cancelled after %d of %d tables\n", r.Sync, len(r.Tables), r.Of)
		}
	}
	return nil
}

func countIf(known bool, n int) string {
	if !known {
		return "-"
	}
	return comma(int64(n))
}
