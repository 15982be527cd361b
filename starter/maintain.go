package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/config"
	"tributary/workflows"
)

func (a *app) maintainCommand() *cobra.Command {
	var detach, dryRun bool
	cmd := &cobra.Command{
		Use:   "maintain [SYNC…]",
		Short: "Compact and vacuum the central tables",
		Long: `Maintain puts the small files of the syncs' central tables and of the sync log together, deletes the files that no version
younger than maintain.retention needs, and removes staged files that terminated runs left behind. Syncs may run beside it. Ctrl-C
stops the watching, not the maintenance. Without a SYNC it maintains the tables of all; maintain.schedule makes it regular.
` + exitCodesHelp,
		Example: `  tributary maintain
  tributary maintain daily --dry-run`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: a.completeSyncs(0),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := a.load()
			if err != nil {
				return err
			}
			chosen, err := syncs(cfg, args)
			if err != nil {
				return err
			}
			if dryRun {
				return a.planMaintenance(cmd.Context(), cfg, chosen)
			}
			return a.maintain(cmd.Context(), cfg, chosen, detach)
		},
	}
	cmd.Flags().BoolVarP(&detach, "detach", "d", false, "start it and return at once")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done to which tables, and do nothing")
	return cmd
}

// maintain starts the maintenance of each sync, and waits for one after the other.
func (a *app) maintain(ctx context.Context, cfg *config.Config, chosen []config.Sync, detach bool) error {
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	idle, err := idleQueues(ctx, c, nil)
	if err != nil {
		return err
	}
	for _, warning := range idle {
		a.warnf("%s", warning)
	}
	var runs []client.WorkflowRun
	for _, sync := range chosen {
		run, err := startMaintenance(ctx, c, sync)
		if err != nil {
			return err
		}
		runs = append(runs, run)
	}
	if detach {
		return a.printMaintenanceStarted(chosen, runs)
	}
	return a.awaitMaintenance(ctx, c, chosen, runs)
}

func startMaintenance(ctx context.Context, c client.Client, sync config.Sync) (client.WorkflowRun, error) {
	id := workflows.MaintainID(sync.Name)
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.ControlQueue,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(workflows.SearchSync.ValueSet(sync.Name)),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflows.Maintain, workflows.Maintenance(sync))
	if _, started := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err); started {
		return nil, &codedError{codeRunning, fmt.Errorf("%s is already running; wait for it to end, or cancel it with: tributary cancel %s --maintain", id, sync.Name)}
	}
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", id, err)
	}
	return run, nil
}

func (a *app) printMaintenanceStarted(chosen []config.Sync, runs []client.WorkflowRun) error {
	all := make([]started, len(runs))
	for i, run := range runs {
		all[i] = started{chosen[i].Name, run.GetID(), run.GetRunID()}
	}
	if a.json() {
		return a.writeJSON(all)
	}
	for _, s := range all {
		if _, err := fmt.Fprintf(a.out, "started %s (run %s)\n", s.WorkflowID, s.RunID); err != nil {
			return err
		}
	}
	return nil
}
