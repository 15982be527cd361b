package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"tributary/internal/table"
	"tributary/workflows"
)

func (a *app) watchCommand() *cobra.Command {
	var id string
	var verify bool
	cmd := &cobra.Command{
		Use:   "watch SYNC",
		Short: "Watch a sync that is running",
		Long: `Watch shows how far a running sync is, whoever started it, until it ends. Ctrl-C stops the watching, not the sync.
With --verify, or the id of one, it watches a verification, and ends as "tributary verify" does, exit code and all.
` + allExitCodesHelp,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.watchRunning(cmd.Context(), args[0], id, jobOf(id, false, verify))
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "the workflow's id, where several workflows of the sync run")
	cmd.Flags().BoolVar(&verify, "verify", false, "its verification")
	return cmd
}

func (a *app) watchRunning(ctx context.Context, name, id string, j job) error {
	cfg, sync, err := a.loadSync(name)
	if err != nil {
		return err
	}
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	running, err := j.running(ctx, c, sync.Name)
	switch {
	case err != nil:
		return err
	case id != "" && !slices.Contains(running, id), len(running) == 0:
		return j.idle(ctx, c, sync.Name, id, "watch")
	case id == "" && len(running) > 1:
		return fmt.Errorf("several workflows of %ssync %s are running: choose one with --id: %s", j.what, sync.Name, strings.Join(running, ", "))
	case id == "":
		id = running[0]
	}
	in, err := inputOf(ctx, c, id)
	if err != nil {
		return err
	}
	sc, err := scopeOf(ctx, reg, in.Sync, selection{in.Select.Regions, in.Select.Clients, in.Select.Tables})
	if err != nil {
		return err
	}
	described, err := c.DescribeWorkflowExecution(ctx, id, "")
	if err != nil {
		return fmt.Errorf("ask Temporal for %s: %w", id, err)
	}
	execution := described.GetWorkflowExecutionInfo()
	run := c.GetWorkflow(ctx, id, execution.GetExecution().GetRunId())
	w := newWatcher(c, run, sc, execution.GetStartTime().AsTime())
	if in.Mode.Verify != nil {
		return a.awaitVerify(ctx, w, sc, in.Mode.Verify.Repair)
	}
	return a.watch(ctx, w)
}

// result is how a sync ended.
type result struct {
	Sync       string        `json:"sync"`
	WorkflowID string        `json:"workflow_id"`
	RunID      string        `json:"run_id"`
	Status     string        `json:"status"` // table.StatusOK, StatusFailed or StatusCancelled
	Error      string        `json:"error,omitempty"`
	Seconds    float64       `json:"seconds"`
	Summary    table.Summary `json:"summary"`
}

// watch shows progress until the sync ends, prints the summary, and returns an error that has the exit code.
func (a *app) watch(ctx context.Context, w *watcher) error {
	display := a.newDisplay(w)
	ended := make(chan result, 1)
	lost := make(chan error, 1)
	go func() {
		var summary table.Summary
		err := w.run.Get(ctx, &summary)
		if r, known := resultOf(summary, err); known {
			ended <- r
		} else {
			lost <- err
		}
	}()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case r := <-ended:
			display.show(w.poll(ctx))
			r.Sync, r.WorkflowID, r.RunID, r.Seconds = w.sync, w.run.GetID(), w.run.GetRunID(), time.Since(w.began).Seconds()
			return a.printResult(r)
		case err := <-lost:
			return a.detached(ctx, w, syncing, err)
		case <-tick.C:
			display.show(w.poll(ctx))
		}
	}
}

// resultOf reads how a workflow ended; false when err only says that it is not known.
func resultOf(summary table.Summary, err error) (result, bool) {
	if err == nil {
		return result{Status: table.StatusOK, Summary: summary}, true
	}
	if _, ended := errors.AsType[*temporal.WorkflowExecutionError](err); !ended {
		return result{}, false
	}
	r := result{Status: table.StatusFailed, Error: workflows.Reason(err)}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		r.Status, r.Error = table.StatusCancelled, ""
		_ = cancelled.Details(&r.Summary) // without details nothing was done yet
		return r, true
	}
	if failed, ok := errors.AsType[*temporal.ApplicationError](err); ok && failed.Type() == workflows.ErrorSyncFailed {
		if failed.Details(&r.Summary) == nil {
			r.Error = "" // the summary says it
		}
		return r, true
	}
	if _, ok := errors.AsType[*temporal.TerminatedError](err); ok {
		r.Error = "somebody terminated the workflow; what was merged stays, and the next run goes on from there"
	}
	return r, true
}

// detached tells how to go on with a sync, or another job of one, that is watched no more.
func (a *app) detached(ctx context.Context, w *watcher, j job, err error) error {
	sync := w.sync + j.flag()
	how := fmt.Sprintf("%s goes on; watch it with: tributary watch %s, cancel it with: tributary cancel %s", w.run.GetID(), sync, sync)
	if ctx.Err() != nil {
		a.sayf("\n%s", how)
		return &codedError{code: codeInterrupted}
	}
	return fmt.Errorf("lost sight of %ssync %s: %w; %s", j.what, w.sync, err, how)
}

var resultCodes = map[string]int{table.StatusFailed: codeFailed, table.StatusCancelled: codeCancelled}

func (a *app) printResult(r result) error {
	write := a.printSummary
	if a.json() {
		write = func(r result) error { return a.writeJSON(r) }
	}
	if err := write(r); err != nil {
		return err
	}
	if r.Status == table.StatusOK {
		return nil
	}
	return &codedError{code: resultCodes[r.Status]}
}

// inputOf reads a workflow's input from its history.
func inputOf(ctx context.Context, c client.Client, id string) (workflows.SyncInput, error) {
	var in workflows.SyncInput
	events := c.GetWorkflowHistory(ctx, id, "", false, 0)
	if !events.HasNext() {
		return in, fmt.Errorf("workflow %s has no history", id)
	}
	event, err := events.Next()
	if err != nil {
		return in, fmt.Errorf("read the history of %s: %w", id, err)
	}
	return in, decodeInput(event.GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads(), &in)
}
