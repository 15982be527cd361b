package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/steps"
	"tributary/internal/table"
)

// TableSyncInput is one client table and where its last window ended.
type TableSyncInput struct {
	Sync      config.Sync  `json:"sync"` // without its tables
	Mode      Mode         `json:"mode,omitzero"`
	Client    table.Client `json:"client"`
	Ref       table.Ref    `json:"ref"`
	Spec      table.Spec   `json:"spec"`
	Watermark string       `json:"watermark,omitempty"`
	// MovedFrom is the region that the client table was last synced in, where the client lives in another now; else "".
	MovedFrom string `json:"moved_from,omitempty"`
}

// newRun is the record of a run that begins.
func (in TableSyncInput) newRun(started time.Time, runID string) table.Run {
	return table.Run{
		Ref: in.Ref, RunID: runID, Started: started.UTC(), Backfill: in.Mode.Backfill(),
		Steps: map[string]time.Duration{},
	}
}

// TableSync brings one client table's window of rows into its central Delta table and logs the
// run, whether or not it succeeds.
func TableSync(ctx workflow.Context, in TableSyncInput) (table.Run, error) {
	s := newTableSync(ctx, in)
	err := s.run(ctx)
	if logErr := s.log(ctx, err); err == nil || s.record.Status == table.StatusSkipped { // skipped is no failure
		err = logErr
	}
	return s.record, err
}

type tableSync struct {
	in     TableSyncInput
	job    activities.Job
	record table.Run
}

func newTableSync(ctx workflow.Context, in TableSyncInput) *tableSync {
	if in.Mode.Reload {
		in.Spec = in.Spec.Reload()
	}
	if in.Mode.AllowDeletes {
		in.Spec.Deletes.MaxShare = 0
	}
	runID := workflow.GetInfo(ctx).WorkflowExecution.RunID
	return &tableSync{
		in:     in,
		job:    activities.Job{RunID: runID, Ref: in.Ref, Client: in.Client, Spec: in.Spec},
		record: in.newRun(workflow.Now(ctx), runID),
	}
}

// maxStagings bounds how often a run begins again at Extract after its worker or its files were lost.
const maxStagings = 10

func (s *tableSync) run(ctx workflow.Context) error {
	late := 0
	for staging := 1; ; staging++ {
		err := s.stageAndMerge(ctx, staging)
		if isLate(err) {
			late++
		}
		// Twice late, the clock was set back: to read the table again and again until it is past then would load the source for nothing.
		if again := isRestage(err) || isLate(err) && late == 1; !again || staging == maxStagings {
			return err
		}
		workflow.GetLogger(ctx).Warn("starting again at extract", "client", s.in.Ref.Client, "table", s.in.Ref.Table, "reason", Reason(err))
	}
}

func (s *tableSync) stageAndMerge(ctx workflow.Context, staging int) error {
	batch, err := s.stage(ctx, staging)
	if err != nil || batch == nil {
		return err
	}
	return s.merge(ctx, *batch)
}

// errWorkerLost says that the worker that had the raw rows is gone.
var errWorkerLost = temporal.NewApplicationError("the worker that had the rows on its scratch disk was lost", activities.ErrorRestage)

func isRestage(err error) bool { return isType(err, activities.ErrorRestage) }

func isLate(err error) bool { return isType(err, activities.ErrorLate) }

func isType(err error, name string) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == name
}

// stage extracts, validates and transforms on one worker. It returns no batch when the window has
// nothing new.
func (s *tableSync) stage(ctx workflow.Context, staging int) (*table.Batch, error) {
	session, err := s.session(ctx)
	if err != nil {
		return nil, err
	}
	defer workflow.CompleteSession(session)

	batch, err := s.steps(session, staging)
	lost := workflow.GetSessionInfo(session).SessionState == workflow.SessionStateFailed
	switch {
	case lost && ctx.Err() == nil:
		return nil, errWorkerLost
	case err != nil && !lost:
		s.discard(session)
	}
	return batch, err
}

// session has a worker of the region keep a place for the run. The SDK does not try again where a worker took that task and was lost before it said
// so: the place is then one that was lost.
func (s *tableSync) session(ctx workflow.Context) (workflow.Context, error) {
	session, err := workflow.CreateSession(sessionOptions(ctx, s.in.Sync, s.in.Ref.Region))
	var timeout *temporal.TimeoutError
	taken := errors.As(err, &timeout) && timeout.TimeoutType() == enums.TIMEOUT_TYPE_HEARTBEAT
	if taken && ctx.Err() == nil && workflow.GetVersion(ctx, "lost while a session was created", workflow.DefaultVersion, 1) != workflow.DefaultVersion {
		return nil, errWorkerLost
	}
	return session, err
}

func (s *tableSync) steps(ctx workflow.Context, staging int) (*table.Batch, error) {
	var a *activities.Activities
	var extracted activities.ExtractResult
	extract := activities.ExtractInput{Job: s.job, Watermark: s.in.Watermark, From: s.in.Mode.From, To: s.in.Mode.To}
	if err := s.step(extractOptions(ctx, s.in.Sync), "extract", a.Extract, extract, &extracted); err != nil {
		return nil, err
	}
	s.record.Window, s.record.Watermark = extracted.Raw.Window, extracted.Raw.Watermark
	s.record.Read, s.record.ZeroDates, s.record.Notes = extracted.Raw.Rows, extracted.Raw.ZeroDates, extracted.Raw.Notes
	if extracted.Unchanged {
		return nil, nil
	}

	in := activities.StepInput{Job: s.job, Plan: extracted.Plan, Raw: extracted.Raw, Staging: staging}
	if err := s.step(stepOptions(ctx, s.in.Sync), "validate", a.Validate, in, &in.Validated); err != nil {
		return nil, err
	}
	s.count(in.Validated)

	var batch table.Batch
	if err := s.step(stepOptions(ctx, s.in.Sync), "transform", a.Transform, in, &batch); err != nil {
		return nil, err
	}
	s.record.Staged = batch.Rows
	return &batch, nil
}

func (s *tableSync) count(v steps.Validated) {
	s.record.Deduped, s.record.Quarantined, s.record.Warned = v.Counts.Deduped, v.Counts.Quarantined, v.Counts.Warned
}

func (s *tableSync) merge(ctx workflow.Context, batch table.Batch) error {
	var a *activities.Activities
	var merged lake.MergeResult
	if !s.in.Mode.Backfill() { // which runs beside other runs of the client table
		batch.Scheduled = workflow.Now(ctx).UTC()
		s.move(&batch)
	}
	if err := s.step(lakeOptions(ctx, s.in.Sync), "merge", a.Merge, batch, &merged); err != nil {
		return err
	}
	s.record.Inserted, s.record.Updated, s.record.Deleted = merged.Inserted, merged.Updated, merged.Deleted
	if merged.Note != "" {
		s.record.Notes = append(s.record.Notes, merged.Note)
	}
	if s.in.MovedFrom != "" {
		s.record.Notes = append(s.record.Notes, fmt.Sprintf("the client moved here from region %s: the table's rows of other regions were deleted", s.in.MovedFrom))
	}
	return nil
}

// move has a run that reads all rows delete those that the client has under other regions: the first one after a move, and, for what was
// doubled before moves were seen, one that is asked to be full.
func (s *tableSync) move(batch *table.Batch) {
	if s.in.MovedFrom != "" || s.in.Mode.Reload {
		batch.Moved, batch.MaxDeleteShare = true, s.in.Spec.Deletes.MaxShare
	}
}

// step runs an activity and notes how long it took.
func (s *tableSync) step(ctx workflow.Context, name string, activity, in, out any) error {
	began := workflow.Now(ctx)
	err := workflow.ExecuteActivity(ctx, activity, in).Get(ctx, out)
	s.record.Steps[name] = workflow.Now(ctx).Sub(began)
	return err
}

// discard removes what the run left on the worker's scratch disk. A worker that cannot do it sweeps it when it starts.
func (s *tableSync) discard(session workflow.Context) {
	ctx, cancel := workflow.NewDisconnectedContext(session)
	defer cancel()
	var a *activities.Activities
	if err := workflow.ExecuteActivity(stepOptions(ctx, s.in.Sync), a.Discard, s.job).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Warn("scratch not removed", "client", s.in.Ref.Client, "table", s.in.Ref.Table, "error", err)
	}
}

// log records how the run ended. The watermark moves only when it was ok.
func (s *tableSync) log(ctx workflow.Context, err error) error {
	s.record.Status, s.record.Finished = statusOf(err), workflow.Now(ctx).UTC()
	if err != nil {
		s.record.Error, s.record.Watermark = Reason(err), ""
	}
	return logRun(ctx, s.in.Sync, s.record)
}

// logRun logs on a disconnected context, so that a cancelled run is logged too.
func logRun(ctx workflow.Context, sync config.Sync, run table.Run) error {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	var a *activities.Activities
	return workflow.ExecuteActivity(logOptions(ctx, sync), a.Log, activities.LogInput{Run: run}).Get(ctx, nil)
}
