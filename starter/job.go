package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"tributary/workflows"
)

// job is what workflows of a sync do: bring its rows, verify them, or maintain its tables.
type job struct {
	command  string // that starts it
	what     string // in front of the sync's name
	workflow string // its type
	whole    func(sync string) string
}

var (
	syncing     = job{"run", "", "Sync", workflows.SyncID}
	verifying   = job{"verify", "the verification of ", "Verify", workflows.VerifyID}
	maintaining = job{"maintain", "the maintenance of ", "Maintain", workflows.MaintainID}
)

// jobOf is the one that flags ask for, or that a workflow with the id does.
func jobOf(id string, maintain, verify bool) job {
	switch {
	case maintain, strings.HasPrefix(id, workflows.MaintainID("")):
		return maintaining
	case verify, strings.HasPrefix(id, workflows.VerifyID("")):
		return verifying
	}
	return syncing
}

// flag is what cancel and watch take for it.
func (j job) flag() string {
	if j.command == syncing.command {
		return ""
	}
	return " --" + j.command
}

// idle is the error that nothing of the sync is running. It names a verification that is, where none was asked for.
func (j job) idle(ctx context.Context, c client.Client, sync, id, command string) error {
	if j.command == syncing.command && id == "" {
		if verifications, err := verifying.running(ctx, c, sync); err == nil && len(verifications) > 0 {
			return fmt.Errorf("nothing of sync %s is running but %s; for that: tributary %s %s --verify", sync, strings.Join(verifications, ", "), command, sync)
		}
	}
	start := ""
	if command == "watch" {
		start = fmt.Sprintf("; start it with: tributary %s %s", j.command, sync)
	}
	return fmt.Errorf("nothing of %ssync %s is running%s%s", j.what, sync, ofThatID(id), start)
}

func ofThatID(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" with the id %s", id)
}

// running returns the ids of a sync's running workflows that do the job: first the one that runs whole, then the oldest.
// Temporal's index is a moment late, so each is asked for by its id.
func (j job) running(ctx context.Context, c client.Client, sync string) ([]string, error) {
	candidates := []string{j.whole(sync)}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND SyncName = '%s' AND ExecutionStatus = 'Running'", j.workflow, sync), // a sync's name has no quotes
	}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("ask Temporal what runs of sync %s: %w", sync, err)
		}
		for _, info := range slices.Backward(page.GetExecutions()) {
			if id := info.GetExecution().GetWorkflowId(); id != candidates[0] {
				candidates = append(candidates, id)
			}
		}
		if request.NextPageToken = page.GetNextPageToken(); len(request.GetNextPageToken()) == 0 {
			break
		}
	}
	var running []string
	for _, id := range candidates {
		yes, err := isRunning(ctx, c, id)
		if err != nil {
			return nil, err
		}
		if yes {
			running = append(running, id)
		}
	}
	return running, nil
}

func isRunning(ctx context.Context, c client.Client, id string) (bool, error) {
	described, err := c.DescribeWorkflowExecution(ctx, id, "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask Temporal for %s: %w", id, err)
	}
	return described.GetWorkflowExecutionInfo().GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_RUNNING, nil
}

// isWhole says whether a workflow id is that of a whole sync: started by a person, or by the schedule, which adds the time.
func isWhole(sync, id string) bool {
	whole := workflows.SyncID(sync)
	return id == whole || strings.HasPrefix(id, whole+"-")
}
