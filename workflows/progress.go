package workflows

import (
	"errors"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"tributary/activities"
	"tributary/internal/table"
)

// QueryProgress is the query that Sync, RegionSync and ClientSync answer with a Progress.
const QueryProgress = "progress"

// Progress is how far a running workflow is.
type Progress struct {
	Summary table.Summary `json:"summary"`
	Running []string      `json:"running,omitempty"` // ids of the child workflows that are under way
	After   []string      `json:"after,omitempty"`   // of Sync: the names of the entries that run after it and are under way
}

func (p *Progress) merge(s table.Summary) { p.Summary.Merge(s) }

func (p *Progress) start(id string) { p.Running = append(p.Running, id) }

func (p *Progress) end(id string) {
	for i, running := range p.Running {
		if running == id {
			p.Running = append(p.Running[:i:i], p.Running[i+1:]...)
			return
		}
	}
}

// serveProgress answers QueryProgress from the Progress that it returns.
func serveProgress(ctx workflow.Context) (*Progress, error) {
	progress := &Progress{}
	err := workflow.SetQueryHandler(ctx, QueryProgress, func() (Progress, error) { return *progress, nil })
	return progress, err
}

// summaryOf returns what a child workflow says became of its tables. A child that could not say
// is itself the problem. One that did not come to its end leaves all tables of the run incomplete.
func summaryOf(summary table.Summary, err error, problem table.Problem, in SyncInput) table.Summary {
	if err == nil {
		return summary
	}
	var cancelled *temporal.CanceledError
	if !errors.As(err, &cancelled) || !cancelled.HasDetails() || cancelled.Details(&summary) != nil {
		problem.Status, problem.Error = statusOf(err), Reason(err)
		summary.AddProblem(problem)
	}
	summary.Lack(in.tables()...)
	return summary
}

func statusOf(err error) string {
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	var app *temporal.ApplicationError
	switch {
	case err == nil:
		return table.StatusOK
	case errors.As(err, &started), errors.As(err, &app) && app.Type() == activities.ErrorHours:
		return table.StatusSkipped
	case temporal.IsCanceledError(err):
		return table.StatusCancelled
	}
	return table.StatusFailed
}

// Reason is the part of an error of a workflow or activity that tells a person what happened.
func Reason(err error) string {
	var started *temporal.ChildWorkflowExecutionAlreadyStartedError
	var app *temporal.ApplicationError
	var timeout *temporal.TimeoutError
	switch {
	case errors.As(err, &started):
		return "it is already running; see the Temporal Web UI for the workflow of that id"
	case errors.As(err, &app):
		return app.Message()
	case errors.As(err, &timeout):
		return timeoutReason(timeout)
	case temporal.IsCanceledError(err):
		return "cancelled"
	}
	return err.Error()
}

func timeoutReason(timeout *temporal.TimeoutError) string {
	switch timeout.TimeoutType() {
	case enums.TIMEOUT_TYPE_HEARTBEAT:
		return "the worker stopped reporting; it may have been killed"
	case enums.TIMEOUT_TYPE_SCHEDULE_TO_START:
		return "no worker took the work; is one running for this region and role?"
	}
	return "the step took longer than its timeout; raise timeouts in the sync's config if it needs more"
}
