package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"golang.org/x/sync/errgroup"

	"tributary/internal/table"
	"tributary/internal/verify"
	"tributary/workflows"
)

// awaitVerify shows progress until the verification ends, and prints what it found.
func (a *app) awaitVerify(ctx context.Context, w *watcher, sc scope, repair bool) error {
	w.hasAfter = false
	display := a.newDisplay(w)
	ended := make(chan error, 1)
	var summary table.Summary
	go func() { ended <- w.run.Get(ctx, &summary) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			display.show(w.poll(ctx))
			v := verified{Sync: w.sync, WorkflowID: w.run.GetID(), RunID: w.run.GetRunID(), Status: verify.StatusEqual, Summary: summary}
			if !v.end(err) {
				return a.detached(ctx, w, verifying, err)
			}
			v.Tables = a.reports(ctx, w.client, v, sc, repair)
			if missing := v.unread(); missing > 0 {
				a.warnf("the reports of %d client tables that are equal could not be read from Temporal: what is printed of them is in the summary only", missing)
			}
			v.judge()
			return a.printVerified(v)
		case <-tick.C:
			display.show(w.poll(ctx))
		}
	}
}

// verified is what a verification found, as JSON has it.
type verified struct {
	Sync       string `json:"sync"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	// Status is verify.StatusEqual, verify.StatusDifferent when any client table is, table.StatusFailed when none is and some could
	// not be compared, or table.StatusCancelled.
	Status  string          `json:"status"`
	Error   string          `json:"error,omitempty"`
	Summary table.Summary   `json:"summary"`
	Tables  []verify.Report `json:"tables"`
}

// unread is how many client tables are equal, or were repaired, by the summary, and have no report.
func (v *verified) unread() int {
	missing := v.Summary.OK
	for _, r := range v.Tables {
		if r.Status == verify.StatusEqual || r.Status == verify.StatusRepaired {
			missing--
		}
	}
	return missing
}

// end reads how the workflow ended; false when err only says that it is not known.
func (v *verified) end(err error) bool {
	if err == nil {
		return true
	}
	if _, ended := errors.AsType[*temporal.WorkflowExecutionError](err); !ended {
		return false
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		v.Status = table.StatusCancelled
		_ = cancelled.Details(&v.Summary) // without details nothing was done yet
		return true
	}
	v.Status, v.Error = table.StatusFailed, workflows.Reason(err)
	failed, ok := errors.AsType[*temporal.ApplicationError](err)
	if ok && failed.Type() == workflows.ErrorVerifyFailed && failed.Details(&v.Summary) == nil {
		v.Error = "" // the summary says it
	}
	return true
}

// judge settles the status by what the client tables are: different when any is, and equal only when something was compared.
func (v *verified) judge() {
	switch {
	case v.Status == verify.StatusEqual && v.Summary.OK == 0:
		v.Status, v.Error = table.StatusFailed, "no client table was compared"
	case v.Status != table.StatusFailed:
	case slices.ContainsFunc(v.Tables, func(r verify.Report) bool { return r.Status == verify.StatusDifferent }),
		slices.ContainsFunc(v.Summary.Problems, func(p table.Problem) bool { return p.Status == verify.StatusDifferent }):
		v.Status = verify.StatusDifferent
	}
}

// reportsAtOnce is how many client tables are asked for their reports side by side.
const reportsAtOnce = 8

// reports asks each client table's verification for what it found. One that did not run, or is not of this run, has none.
func (a *app) reports(ctx context.Context, c client.Client, v verified, sc scope, repair bool) []verify.Report {
	found := make([]*verify.Report, len(sc.clients)*len(sc.specs))
	group := errgroup.Group{}
	group.SetLimit(reportsAtOnce)
	for i, tenant := range sc.clients {
		for j, spec := range sc.specs {
			ref := table.Ref{Client: tenant.ID, Region: tenant.Region, Table: spec.Target}
			parent := workflows.ClientSyncID(workflows.RegionSyncID(v.WorkflowID, tenant.Region), tenant.ID)
			group.Go(func() error {
				answer, err := c.QueryWorkflow(ctx, workflows.VerifyTableID(parent, ref, repair), "", workflows.QueryReport)
				var report verify.Report
				if err == nil && answer.Get(&report) == nil && report.Run == v.RunID {
					found[i*len(sc.specs)+j] = &report
				}
				return nil
			})
		}
	}
	_ = group.Wait() // none returns an error: what has no report is among the problems
	reports := []verify.Report{}
	for _, report := range found {
		if report != nil {
			reports = append(reports, *report)
		}
	}
	slices.SortStableFunc(reports, func(x, y verify.Report) int {
		return strings.Compare(x.Region+"\x00"+x.Client, y.Region+"\x00"+y.Client)
	})
	return reports
}
