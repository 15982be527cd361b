package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"tributary/workflows"
)

func (a *app) cancelCommand() *cobra.Command {
	var id string
	var maintain bool
	cmd := &cobra.Command{
		Use:   "cancel SYNC",
		Short: "Cancel what runs of a sync",
		Long: `Cancel asks every running workflow of a sync to stop: whole runs, parts, scheduled runs and backfills. Each stops its
queries at the sources, removes what it staged, and is logged as cancelled. What was merged stays, and the next run goes on from there.
With --maintain it asks the maintenance of the sync's tables instead: the tables that are done stay so.`,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.cancel(cmd.Context(), args[0], id, maintain) },
	}
	cmd.Flags().StringVar(&id, "id", "", "only the workflow with this id")
	cmd.Flags().BoolVar(&maintain, "maintain", false, "the maintenance of its tables")
	return cmd
}

func (a *app) cancel(ctx context.Context, name, id string, maintain bool) error {
	cfg, sync, err := a.loadSync(name)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	what, find := "sync "+sync.Name, runningSyncs
	if maintain {
		what, find = "the maintenance of sync "+sync.Name, runningMaintenance
	}
	running, err := find(ctx, c, sync.Name)
	if err != nil {
		return err
	}
	if id != "" {
		running = slices.DeleteFunc(running, func(r string) bool { return r != id })
	}
	if len(running) == 0 {
		return fmt.Errorf("nothing of %s is running%s", what, ofThatID(id))
	}
	for _, r := range running {
		if err := c.CancelWorkflow(ctx, r, ""); err != nil {
			return fmt.Errorf("cancel %s: %w", r, err)
		}
	}
	if a.json() {
		return a.writeJSON(map[string][]string{"cancelled": running})
	}
	_, err = fmt.Fprintf(a.out, "asked to stop: %s\n", strings.Join(running, ", "))
	return err
}

func ofThatID(id string) string {
	if id == "" {
		return ""
	}
	return fmt.Sprintf(" with the id %s", id)
}

// runningSyncs returns the ids of a sync's running workflows Sync: first the one that runs whole, then the oldest.
func runningSyncs(ctx context.Context, c client.Client, sync string) ([]string, error) {
	return runningOf(ctx, c, sync, "Sync", workflows.SyncID(sync))
}

// runningMaintenance returns the ids of a sync's running workflows Maintain: one that a person started, and the schedule's.
func runningMaintenance(ctx context.Context, c client.Client, sync string) ([]string, error) {
	return runningOf(ctx, c, sync, "Maintain", workflows.MaintainID(sync))
}

// runningOf returns the ids of a sync's running workflows of a type, the first one first. Temporal's index is a moment late, so
// each is asked for by its id.
func runningOf(ctx context.Context, c client.Client, sync, workflowType, first string) ([]string, error) {
	candidates := []string{first}
	request := &workflowservice.ListWorkflowExecutionsRequest{
		Query: fmt.Sprintf("WorkflowType = '%s' AND SyncName = '%s' AND ExecutionStatus = 'Running'", workflowType, sync), // a sync's name has no quotes
	}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			return nil, fmt.Errorf("ask Temporal what runs of sync %s: %w", sync, err)
		}
		for _, info := range slices.Backward(page.GetExecutions()) {
			if id := info.GetExecution().GetWorkflowId(); id != first {
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
