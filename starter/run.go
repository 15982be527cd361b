package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/config"
	"tributary/workflows"
)

type runFlags struct {
	selection

	full, allowDeletes, detach bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run SYNC",
		Short: "Run a sync now, and watch it",
		Long: `Run starts a sync and shows how far it is until it ends. Ctrl-C stops the watching, not the sync.

A whole sync runs once at a time. With --region, --client or --table a part of it runs, beside others; a client table
that another run has open is skipped, and the summary says so.
` + exitCodesHelp,
		Example: `  tributary run daily
  tributary run daily --client acme --table orders --full
  tributary run daily --client acme --table orders --allow-deletes`,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.run(cmd.Context(), args[0], f) },
	}
	a.selectionFlags(cmd, &f.selection)
	cmd.Flags().BoolVar(&f.full, "full", false, "read every row, whatever the cursor, and delete from the central tables what the clients no longer have")
	cmd.Flags().BoolVar(&f.allowDeletes, "allow-deletes", false, "delete what the clients no longer have, however much: this once, deletes.max_share does not count")
	cmd.Flags().BoolVarP(&f.detach, "detach", "d", false, "start it and return at once")
	return cmd
}

func (a *app) run(ctx context.Context, name string, f runFlags) error {
	cfg, sc, err := a.scope(ctx, name, f.selection)
	if err != nil {
		return err
	}
	sync := sc.sync
	id := workflows.SyncID(sync.Name)
	if !f.empty() {
		id += "/only/" + f.text()
	}
	in := workflows.SyncInput{Sync: sync, Select: sc.chosen, Mode: workflows.Mode{Reload: f.full, AllowDeletes: f.allowDeletes}}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	if f.empty() {
		if err := refuseScheduled(ctx, c, sync.Name); err != nil {
			return err
		}
	}
	return a.startAndWatch(ctx, c, id, in, sc, f.detach)
}

func (a *app) loadSync(name string) (*config.Config, config.Sync, error) {
	cfg, err := a.load()
	if err != nil {
		return nil, config.Sync{}, err
	}
	sync, err := syncOf(cfg, name)
	return cfg, sync, err
}

// refuseScheduled refuses to start a whole sync beside one that its schedule started: Temporal adds
// the time to the ids of those, so that they do not collide by themselves.
func refuseScheduled(ctx context.Context, c client.Client, sync string) error {
	running, err := syncing.running(ctx, c, sync)
	if err != nil {
		return err
	}
	for _, id := range running {
		if isWhole(sync, id) {
			return alreadyRunning(sync, id)
		}
	}
	return nil
}

func alreadyRunning(sync, id string) error {
	return &codedError{codeRunning, fmt.Errorf("%s is already running; watch it with: tributary watch %s, cancel it with: tributary cancel %s", id, sync, sync)}
}

// maxInput keeps a sync below Temporal's limit for a payload, 256 KB, with room for what children add.
const maxInput = 200 << 10

func checkInput(in workflows.SyncInput) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	if len(data) > maxInput {
		return fmt.Errorf("sync %s: its configuration and selection are %d KB as JSON, and Temporal takes at most %d KB: split it into several syncs, or name fewer clients",
			in.Sync.Name, len(data)>>10, maxInput>>10)
	}
	return nil
}

// startAndWatch starts the workflow Sync. It refuses when one of that id is running.
func (a *app) startAndWatch(ctx context.Context, c client.Client, id string, in workflows.SyncInput, sc scope, detach bool) error {
	if err := checkInput(in); err != nil {
		return err
	}
	idle, err := idleQueues(ctx, c, sc.regions)
	if err != nil {
		return err
	}
	for _, warning := range idle {
		a.warnf("%s", warning)
	}
	run, err := start(ctx, c, id, in)
	if err != nil {
		return err
	}
	if detach {
		return a.printStarted(in.Sync.Name, run)
	}
	return a.watch(ctx, newWatcher(c, run, sc, time.Now()))
}

func start(ctx context.Context, c client.Client, id string, in workflows.SyncInput) (client.WorkflowRun, error) {
	return startWorkflow(ctx, c, id, workflows.Sync, in, func() error { return alreadyRunning(in.Sync.Name, id) })
}

// startWorkflow starts a workflow of a sync; running says what it means that its id is taken.
func startWorkflow(ctx context.Context, c client.Client, id string, workflow any, in workflows.SyncInput, running func() error) (client.WorkflowRun, error) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: id, TaskQueue: workflows.ControlQueue,
		TypedSearchAttributes:                    temporal.NewSearchAttributes(workflows.SearchSync.ValueSet(in.Sync.Name)),
		WorkflowIDConflictPolicy:                 enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}, workflow, in)
	var started *serviceerror.WorkflowExecutionAlreadyStarted
	switch {
	case errors.As(err, &started):
		return nil, running()
	case err != nil:
		return nil, fmt.Errorf("start %s: %w", id, err)
	}
	return run, nil
}

// started is what `run --detach` prints.
type started struct {
	Sync       string `json:"sync"`
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
}

func (a *app) printStarted(sync string, run client.WorkflowRun) error {
	if a.json() {
		return a.writeJSON(started{sync, run.GetID(), run.GetRunID()})
	}
	_, err := fmt.Fprintf(a.out, "started %s (run %s); watch it with: tributary watch %s\n", run.GetID(), run.GetRunID(), sync)
	return err
}
