package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"tributary/config"
)

func (a *app) scheduleCommand() *cobra.Command {
	var dryRun bool
	apply := &cobra.Command{
		Use:   "apply",
		Short: "Make Temporal's schedules equal to the configuration",
		Long: `Apply creates, updates and deletes Temporal's schedules until they are what the syncs' schedule sections say, and
those of their maintenance (maintain.schedule). A scheduled run uses the sync's configuration as it was when it was last applied. Whether a schedule is paused stays as it is, unless
schedule.paused was changed in the configuration. Schedules of others in the namespace are left alone.

Use one namespace for one configuration directory: schedules of syncs that the directory does not have are deleted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.applySchedules(cmd.Context(), dryRun) },
	}
	apply.Flags().BoolVar(&dryRun, "dry-run", false, "say what would change, and change nothing")
	list := &cobra.Command{
		Use:   "list",
		Short: "List the schedules with their next and last runs",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listSchedules(cmd.Context()) },
	}
	return groupCommand("schedule", "Manage when syncs run by themselves", apply, list,
		a.scheduleAction("pause", "Pause a sync's schedule", "paused", func(ctx context.Context, h client.ScheduleHandle, note string) error {
			return h.Pause(ctx, client.SchedulePauseOptions{Note: note})
		}),
		a.scheduleAction("resume", "Resume a sync's schedule", "resumed", func(ctx context.Context, h client.ScheduleHandle, note string) error {
			return h.Unpause(ctx, client.ScheduleUnpauseOptions{Note: note})
		}),
		a.scheduleAction("trigger", "Run a scheduled sync now, as its schedule would", "triggered", func(ctx context.Context, h client.ScheduleHandle, _ string) error {
			return h.Trigger(ctx, client.ScheduleTriggerOptions{})
		}))
}

// scheduleAction is a command that does one thing to the schedule of one sync.
func (a *app) scheduleAction(use, short, done string, do func(context.Context, client.ScheduleHandle, string) error) *cobra.Command {
	var note string
	var maintain bool
	cmd := &cobra.Command{
		Use:               use + " SYNC",
		Short:             short,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ref := scheduleRef{kindOf(maintain), args[0]}
			return a.withSchedule(cmd.Context(), ref, func(ctx context.Context, h client.ScheduleHandle) error {
				if err := do(ctx, h, noteOf(note, done)); err != nil {
					return err
				}
				if a.json() {
					return a.writeJSON(map[string]string{"sync": args[0], "starts": ref.kind.starts, "action": done})
				}
				_, err := fmt.Fprintf(a.out, "%s the schedule %s\n", done, ref)
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&maintain, "maintain", false, "the schedule of the maintenance of its tables")
	if use != "trigger" {
		cmd.Flags().StringVar(&note, "note", "", "why; the Temporal Web UI shows it")
	}
	return cmd
}

func noteOf(note, done string) string {
	if note != "" {
		return note
	}
	who := "somebody"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	return done + " by " + who + " with tributary"
}

func (a *app) withSchedule(ctx context.Context, ref scheduleRef, do func(context.Context, client.ScheduleHandle) error) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	if err = do(ctx, ref.handle(ctx, c)); !isNotFound(err) {
		return err
	}
	if _, err := syncOf(cfg, ref.sync); err != nil {
		return err
	}
	if _, wanted := ref.of(cfg); !wanted {
		return fmt.Errorf("%s has no schedule; add one to its configuration, then run: tributary schedule apply", strings.TrimPrefix(ref.String(), "of "))
	}
	return fmt.Errorf("the schedule %s is not in Temporal yet; run: tributary schedule apply", ref)
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*serviceerror.NotFound](err)
	return ok
}

// listed is a schedule as `schedule list` shows it.
type listed struct {
	Sync     string     `json:"sync"`
	Starts   string     `json:"starts"` // sync or maintain
	State    string     `json:"state"`  // active, paused, not applied
	Schedule string     `json:"schedule"`
	Next     *time.Time `json:"next_run,omitempty"`
	Last     *time.Time `json:"last_run,omitempty"`
	Result   string     `json:"last_result,omitempty"` // running, completed, failed, …
	Note     string     `json:"note,omitempty"`
}

func (a *app) listSchedules(ctx context.Context) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	c, err := a.dialOnly(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	refs, err := schedules(ctx, c, cfg)
	if err != nil {
		return err
	}
	rows := []listed{}
	for _, ref := range refs {
		row, err := listOne(ctx, c, cfg, ref)
		if err != nil {
			return err
		}
		rows = append(rows, row)
	}
	if a.json() {
		return a.writeJSON(rows)
	}
	return a.printSchedules(rows)
}

func listOne(ctx context.Context, c client.Client, cfg *config.Config, ref scheduleRef) (listed, error) {
	row := listed{Sync: ref.sync, Starts: ref.kind.starts, State: "active"}
	if sync, wanted := ref.of(cfg); wanted {
		row.Schedule = describeSchedule(sync.Schedule)
	}
	d, err := ref.handle(ctx, c).Describe(ctx)
	if isNotFound(err) {
		row.State = "not applied"
		return row, nil
	}
	if err != nil {
		return row, fmt.Errorf("read the schedule %s: %w", ref, err)
	}
	if d.Schedule.State.Paused {
		row.State = "paused"
	}
	row.Note = d.Schedule.State.Note
	if applied := appliedInput(d); applied != nil {
		row.Schedule = describeSchedule(applied.Sync.Schedule)
	}
	if next := d.Info.NextActionTimes; len(next) > 0 && row.State == "active" {
		row.Next = &next[0]
	}
	if recent := d.Info.RecentActions; len(recent) > 0 {
		last := recent[len(recent)-1]
		row.Last, row.Result = &last.ActualTime, "?"
		if run := last.StartWorkflowResult; run != nil {
			row.Result = resultOfRun(ctx, c, run.WorkflowID, run.FirstExecutionRunID)
		}
	}
	return row, nil
}

// resultOfRun is a workflow's status in Temporal's words, in lower case; "?" once its history is gone.
func resultOfRun(ctx context.Context, c client.Client, id, runID string) string {
	described, err := c.DescribeWorkflowExecution(ctx, id, runID)
	if err != nil {
		return "?"
	}
	return lower(described.GetWorkflowExecutionInfo().GetStatus().String())
}

func (a *app) printSchedules(rows []listed) error {
	if len(rows) == 0 {
		a.sayf("no sync has a schedule")
		return nil
	}
	g := a.table("sync", "starts", "state", "schedule", "next run", "last run", "last result", "note")
	for _, r := range rows {
		g.row(r.Sync, r.Starts, r.State, r.Schedule, moment(r.Next), moment(r.Last), dash(r.Result), oneLine(r.Note, 60))
	}
	return g.flush()
}

func moment(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC (" + humanize.Time(*t) + ")"
}

func describeSchedule(s config.Schedule) string {
	switch {
	case s.Every > 0:
		return "every " + shortDuration(s.Every)
	case s.Cron != "":
		return s.Cron + " " + s.TimeZone
	}
	return "-"
}
