package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) cancelCommand() *cobra.Command {
	var id string
	var maintain, verify bool
	cmd := &cobra.Command{
		Use:   "cancel SYNC",
		Short: "Cancel what runs of a sync",
		Long: `Cancel asks every running workflow of a sync to stop: whole runs, parts, scheduled runs and backfills. Each stops its
queries at the sources, removes what it staged, and is logged as cancelled. What was merged stays, and the next run goes on from there.
With --maintain it asks the maintenance of the sync's tables instead: the tables that are done stay so. With --verify it asks its
verifications: a repair that has begun to merge is finished first. An --id says by itself which of them it is of.`,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancel(cmd.Context(), args[0], id, jobOf(id, maintain, verify))
		},
	}
	cmd.Flags().StringVar(&id, "id", "", "only the workflow with this id")
	cmd.Flags().BoolVar(&maintain, "maintain", false, "the maintenance of its tables")
	cmd.Flags().BoolVar(&verify, "verify", false, "its verifications")
	cmd.MarkFlagsMutuallyExclusive("maintain", "verify")
	return cmd
}

func (a *app) cancel(ctx context.Context, name, id string, j job) error {
	cfg, sync, err := a.loadSync(name)
	if err != nil {
		return err
	}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	running, err := j.running(ctx, c, sync.Name)
	if err != nil {
		return err
	}
	if id != "" {
		running = slices.DeleteFunc(running, func(r string) bool { return r != id })
	}
	if len(running) == 0 {
		return j.idle(ctx, c, sync.Name, id, "cancel")
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
