package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/sdk/client"

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
Where history is kept, the versions that are valid now are compared too, and mended by more versions.

With --repair the rows that differ, and no others, are brought again: missing and different ones are merged, whatever their cursor,
rows that the source does not have are deleted (within deletes.max_share), and both sides are compared again. The watermark
stays. No sync of that client table runs meanwhile.

-o json (or --json) prints everything that was found, with versions, watermarks and checksums, for those who audit it.

Exit codes:
  0    everything is equal, or was repaired
  1    usage, configuration or connection error; nothing was started
  2    something differs
  3    the verification was cancelled
  4    one is already running; nothing was started
  5    nothing was found to differ, and something could not be compared
  130  interrupted with Ctrl-C; what was started goes on: see "tributary watch --verify"`,
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
	return a.awaitVerify(ctx, newWatcher(c, run, sc, time.Now()), sc, repair)
}

func verifyID(sync string, s selection) string {
	if s.empty() {
		return workflows.VerifyID(sync)
	}
	return workflows.VerifyID(sync) + "/only/" + s.text()
}

func startVerify(ctx context.Context, c client.Client, id string, in workflows.SyncInput) (client.WorkflowRun, error) {
	return startWorkflow(ctx, c, id, workflows.Verify, in, func() error {
		return &codedError{codeRunning, fmt.Errorf("%s is already running; watch it with: tributary watch %s --verify, cancel it with: tributary cancel %[2]s --verify", id, in.Sync.Name)}
	})
}
