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
	"golang.org/x/sync/errgroup"

	"tributary/internal/table"
	"tributary/internal/verify"
	"tributary/workflows"
)

func (a *app) verifyCommand() *cobra.Command {
	var s selection
	var repair, asJSON bool
	cmd := &cobra.Command{
		Use:   "verify SYNC",
		Short: "Prove that the lake has what the sources have",
		Long: `Verify compares every client table with its central table, row by row: it reads the source as a full load does, and compares
counts and checksums by range of keys with those of one version of the central table. A difference is narrowed down to keys and
columns. Rows that changed at the source since the last sync are left out, and counted as in flight. Syncs may run beside it.

With --repair the rows that differ, and no others, are brought again: missing and different ones are merged, whatever their cursor,
rows that the source does not have are deleted (within deletes.max_share), and both sides are compared again. The watermark
stays. No sync of that client table runs meanwhile.

-o json (or --json) prints everything that was found, with versions, watermarks and checksums, for those who audit it.

Exit codes:
  0    everything is equal, or was repaired
  1    usage, configuration or connection error; nothing was started
  2    something differs, or could not be compared
  3    the verification was cancelled
  4    one is already running; nothing was started
  130  interrupted with Ctrl-C; what was started goes on`,
		Example: `  tributary verify daily
  tributary verify daily --client acme --table orders --repair
  tributary verify daily -o json > evidence.json`,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if asJSON {
				a.output = outputJSON
			}
			return a.verify(cmd.Context(), args[0], s, repair)
		},
	}
	a.selectionFlags(cmd, &s)
	cmd.Flags().BoolVar(&repair, "repair", false, "bring the rows that differ again, and delete those that the source does not have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "the same as -o json")
	return cmd
}

func (a *app) verify(ctx context.Context, name string, s selection, repair bool) error {
	cfg, sync, err := a.loadSync(name)
	if err != nil {
		return err
	}
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return err
	}
	sc, err := scopeOf(ctx, reg, sync, s)
	if err != nil {
		return err
	}
	in := workflows.SyncInput{Sync: sync, Select: sc.chosen, Mode: workflows.Mode{Verify: &workflows.VerifyMode{Repair: repair}}}
	if err := checkInput(in); err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	idle, err := idleQueues(ctx, c, sc.regions)
	if err != nil {
		return err
	}
	for _, warning := range idle {
		a.warnf("%s", warning)
	}
	run, err := startVerify(ctx, c, verifyID(sync.Name, s), in)
	if err != nil {
		return err
	}
	return a.awaitVerify(ctx, c, run, sc, repair)
}

func verifyID(sync string, s selection) string {
	if s.empty() {
		return workflows.VerifyID(sync)
	}
	return workflows.VerifyID(sync) + "/only/" + s.text()
}

func startVerify(ctx context.Context, c client.Client, id string, in workflows.SyncInput) (client.WorkflowRun, error) {
	return startWorkflow(ctx, c, id, workflows.Verify, in, func() error {
		return &codedError{codeRunning, fmt.Errorf("%s is already running; wait for it to end", id)}
	})
}

// awaitVerify shows progress until the verification ends, and prints what it found.
func (a *app) awaitVerify(ctx context.Context, c client.Client, run client.WorkflowRun, sc scope, repair bool) error {
	w := newWatcher(c, run, sc, time.Now())
	w.hasAfter = false
	display := a.newDisplay(w)
	ended := make(chan error, 1)
	var summary table.Summary
	go func() { ended <- run.Get(ctx, &summary) }()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			display.show(w.poll(ctx))
			v := verified{Sync: sc.sync.Name, WorkflowID: run.GetID(), RunID: run.GetRunID(), Status: verify.StatusEqual, Summary: summary}
			if err := v.end(err); err != nil {
				return fmt.Errorf("wait for %s: %w", run.GetID(), err)
			}
			v.Tables = a.reports(ctx, c, v, sc, repair)
			return a.printVerified(v)
		case <-tick.C:
			display.show(w.poll(ctx))
		}
	}
}

// verified is what a verification found, as JSON has it.
type verified struct {
	Sync       string          `json:"sync"`
	WorkflowID string          `json:"workflow_id"`
	RunID      string          `json:"run_id"`
	Status     string          `json:"status"` // verify.StatusEqual, verify.StatusDifferent, or table.StatusFailed or StatusCancelled
	Error      string          `json:"error,omitempty"`
	Summary    table.Summary   `json:"summary"`
	Tables     []verify.Report `json:"tables"`
}

// end reads how the workflow ended. An error that does not say so is returned.
func (v *verified) end(err error) error {
	if err == nil {
		return nil
	}
	if _, ended := errors.AsType[*temporal.WorkflowExecutionError](err); !ended {
		return err
	}
	if cancelled, ok := errors.AsType[*temporal.CanceledError](err); ok {
		v.Status = table.StatusCancelled
		_ = cancelled.Details(&v.Summary) // without details nothing was done yet
		return nil
	}
	v.Status, v.Error = table.StatusFailed, workflows.Reason(err)
	failed, ok := errors.AsType[*temporal.ApplicationError](err)
	if ok && failed.Type() == workflows.ErrorVerifyFailed && failed.Details(&v.Summary) == nil {
		v.Error = ""
	}
	if v.Error == "" && !slices.ContainsFunc(v.Summary.Problems, func(p table.Problem) bool { return p.Status != verify.StatusDifferent }) {
		v.Status = verify.StatusDifferent
	}
	return nil
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
