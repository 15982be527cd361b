package workflows

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/internal/verify"
)

// QueryReport is the query that VerifyTable answers with its verify.Report, during and after its run. It is no part of the
// result, which goes into the histories of its parents.
const QueryReport = "report"

// Verified is the end of a verification of one client table.
type Verified struct {
	Status      string `json:"status"` // of verify.Report
	Rows        int64  `json:"rows"`   // at the source
	Differences string `json:"differences,omitempty"`
	Updated     int64  `json:"updated,omitempty"` // by a repair
	Deleted     int64  `json:"deleted,omitempty"`
}

// VerifyTable compares one client table's source with its central table, and repairs what differs when asked to. A repair is
// logged as a run, which moves no watermark.
func VerifyTable(ctx workflow.Context, in TableSyncInput) (Verified, error) {
	v := newVerifyTable(ctx, in)
	if err := workflow.SetQueryHandler(ctx, QueryReport, func() (verify.Report, error) { return v.report, nil }); err != nil {
		return Verified{}, err
	}
	err := v.run(ctx)
	if v.repairing {
		ended := err
		if ended == nil && !v.mended() {
			ended = errors.New("the repair was merged, and both sides still differ")
		}
		if logErr := v.log(ctx, ended); err == nil {
			err = logErr
		}
	}
	return v.verified(), err
}

// mended says whether both sides are equal after a repair. They are merely equal where the worker was lost once the repair was merged,
// so that the verification began again.
func (v *verifyTable) mended() bool {
	return v.report.Status == verify.StatusRepaired || v.report.Status == verify.StatusEqual
}

type verifyTable struct {
	*tableSync

	report    verify.Report
	repairing bool
}

func newVerifyTable(ctx workflow.Context, in TableSyncInput) *verifyTable {
	v := &verifyTable{tableSync: newTableSync(ctx, in)}
	v.record.Backfill = true // recorded in sync_runs only
	return v
}

func (v *verifyTable) run(ctx workflow.Context) error {
	for staging := 1; ; staging++ {
		err := v.inSession(ctx, staging)
		if !isRestage(err) || staging == maxStagings {
			return err
		}
		workflow.GetLogger(ctx).Warn("verifying again", "client", v.in.Ref.Client, "table", v.in.Ref.Table, "reason", Reason(err))
	}
}

// inSession does all that needs the rows on one worker's scratch disk.
func (v *verifyTable) inSession(ctx workflow.Context, staging int) error {
	session, err := v.session(ctx)
	if err != nil {
		return err
	}
	defer workflow.CompleteSession(session)

	kept, err := v.compare(ctx, session, staging)
	lost := workflow.GetSessionInfo(session).SessionState == workflow.SessionStateFailed
	switch {
	case lost && ctx.Err() == nil:
		return errWorkerLost
	case (kept || err != nil) && !lost:
		v.discard(session)
	}
	return err
}

// compare says whether the worker keeps something.
func (v *verifyTable) compare(ctx, session workflow.Context, staging int) (kept bool, err error) {
	var a *activities.Activities
	var result activities.VerifyResult
	in := activities.VerifyInput{Job: v.job, Repair: v.in.Mode.Verify.Repair, Staging: staging}
	if err := v.step(extractOptions(session, v.in.Sync), "verify", a.Verify, in, &result); err != nil {
		return false, err
	}
	v.report = result.Report
	v.report.Run = v.in.Mode.Verify.Run
	v.record.Read = result.Report.Source.Rows
	if len(result.Batches) == 0 {
		return false, nil
	}
	v.repairing = true
	if r := v.report.Repair; r != nil && r.Note != "" {
		v.record.Notes = []string{r.Note}
	}
	return true, v.repair(ctx, session, result.Batches)
}

// repair merges the batches one after the other, and compares again.
func (v *verifyTable) repair(ctx, session workflow.Context, batches []table.Batch) error {
	var a *activities.Activities
	merged, err := v.mergeAll(ctx, batches)
	if err != nil {
		return err
	}
	var report verify.Report
	in := activities.VerifyAgainInput{Job: v.job, Merged: merged}
	if err := v.step(stepOptions(session, v.in.Sync), "verify again", a.VerifyAgain, in, &report); err != nil {
		return err
	}
	report.Run = v.report.Run
	v.report = report
	return nil
}

// mergeAll returns the versions that the central tables have then. It begins unless the run is cancelled, and is not cancelled
// afterwards: the first batch deletes rows that a later one brings again.
func (v *verifyTable) mergeAll(ctx workflow.Context, batches []table.Batch) (all verify.Merged, err error) {
	if err := ctx.Err(); err != nil {
		return all, err
	}
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var a *activities.Activities
	var merged lake.MergeResult
	for _, batch := range batches {
		batch.Scheduled = workflow.Now(ctx).UTC() // no sync of the client table is beside it
		if err := v.step(lakeOptions(ctx, v.in.Sync), "merge", a.Merge, batch, &merged); err != nil {
			return all, err
		}
		if v.in.Spec.History == table.HistoryAlso && batch.History != "" { // a run counts the latest rows
			all.Versions = merged.Version
			continue
		}
		all.Latest = merged.Version
		v.record.Staged += batch.Rows
		v.record.Inserted, v.record.Updated, v.record.Deleted =
			v.record.Inserted+merged.Inserted, v.record.Updated+merged.Updated, v.record.Deleted+merged.Deleted
	}
	return all, nil
}

func (v *verifyTable) verified() Verified {
	out := Verified{Status: v.report.Status, Rows: v.report.Source.Rows}
	if v.report.Status != verify.StatusRepaired {
		out.Differences = describe(v.report.Differences)
		if versions := v.report.Versions; versions != nil && versions.Differences.Count() > 0 {
			out.Differences = strings.TrimPrefix(out.Differences+"; of the versions that are valid, "+describe(versions.Differences), "; ")
		}
	}
	if r := v.report.Repair; r != nil {
		out.Updated, out.Deleted = v.record.Inserted+v.record.Updated, v.record.Deleted
		if r.Refused != "" {
			out.Differences += "; not repaired: " + r.Refused
		}
	}
	return out
}

// describe counts differences in words.
func describe(d verify.Differences) string {
	var parts []string
	for _, part := range []struct {
		rows int64
		text string
	}{
		{d.OnlySource, "only at the source"}, {d.OnlyLake, "only in the lake"}, {d.Different, "with other values"}, {d.Doubled, "doubled in the lake"},
	} {
		if part.rows > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.rows, part.text))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	least := ""
	if d.More {
		least = "at least "
	}
	return fmt.Sprintf("%s%d rows differ: %s", least, d.Count(), strings.Join(parts, ", "))
}

// verifyTable verifies one client table, and adds what was found to the client's summary.
func (c *clientSync) verifyTable(ctx workflow.Context, in TableSyncInput, started time.Time) {
	var done Verified
	err := workflow.ExecuteChildWorkflow(verifyOptions(ctx, in), VerifyTable, in).Get(ctx, &done)
	problem := table.Problem{Region: in.Ref.Region, Client: in.Ref.Client, Table: in.Ref.Table}
	run := in.newRun(started, "")
	run.Status, run.Counts = table.StatusOK, table.Counts{Read: done.Rows, Updated: done.Updated, Deleted: done.Deleted}
	switch {
	case err != nil:
		problem.Status, problem.Error = statusOf(err), Reason(err)
	case done.Status == verify.StatusEqual, done.Status == verify.StatusRepaired:
		c.summary.Add(run)
		return
	case done.Status == verify.StatusNever:
		problem.Status, problem.Error = done.Status, "it was never synced, so there is nothing to compare with; run the sync first"
	default:
		problem.Status, problem.Error = done.Status, done.Differences
	}
	c.summary.AddProblem(problem)
	c.summary.Read += done.Rows
}
