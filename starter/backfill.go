package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/table"
	"tributary/workflows"
)

type backfillFlags struct {
	selection

	from, to   string
	allClients bool
	detach     bool
}

func (a *app) backfillCommand() *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:   "backfill SYNC --table TABLE (--client CLIENT | --all-clients) --from X --to Y",
		Short: "Read a range of a table's cursor again",
		Long: `Backfill reads the rows whose cursor is in [from, to) again and merges them. It runs beside the usual syncs: the
watermark stays where it is, and a row that is newer in the lake is not overwritten. Without --from it begins at the
first row, without --to it ends at the source's present; one of them is needed.

Times are RFC 3339, or 2006-01-02 15:04:05 or 2006-01-02 in UTC. Cursors over dates take 2006-01-02, over integers digits, over text the text.
` + exitCodesHelp,
		Example:           `  tributary backfill daily --table orders --client acme --from 2026-01-01 --to 2026-02-01`,
		Args:              oneArg("SYNC"),
		ValidArgsFunction: a.completeSyncs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.backfill(cmd.Context(), args[0], f) },
	}
	cmd.Flags().StringSliceVar(&f.tables, "table", nil, "the central table")
	cmd.Flags().StringSliceVar(&f.clients, "client", nil, "the client; may be repeated")
	cmd.Flags().BoolVar(&f.allClients, "all-clients", false, "all clients of the sync")
	cmd.Flags().StringVar(&f.from, "from", "", "the first value of the cursor")
	cmd.Flags().StringVar(&f.to, "to", "", "the value of the cursor to stop before")
	cmd.Flags().BoolVarP(&f.detach, "detach", "d", false, "start it and return at once")
	cmd.MarkFlagsMutuallyExclusive("client", "all-clients")
	a.completeSelection(cmd)
	return cmd
}

// check says which flags are missing: cobra's own words name a group of flags, not what to write.
func (f backfillFlags) check(sync string) error {
	var missing []error
	if len(f.tables) == 0 {
		missing = append(missing, errors.New("name the table with --table"))
	}
	if len(f.clients) == 0 && !f.allClients {
		missing = append(missing, errors.New("name the clients with --client, or write --all-clients"))
	}
	if f.from == "" && f.to == "" {
		missing = append(missing, fmt.Errorf("write --from, --to or both; the whole table is read by: tributary run %s --full", sync))
	}
	return errors.Join(missing...)
}

func (a *app) backfill(ctx context.Context, name string, f backfillFlags) error {
	if err := f.check(name); err != nil {
		return err
	}
	cfg, sc, err := a.scope(ctx, name, f.selection)
	if err != nil {
		return err
	}
	sync := sc.sync
	if len(sc.specs) != 1 {
		return fmt.Errorf("a backfill is of one table, and --table names %d: their cursors differ; start one for each", len(sc.specs))
	}
	spec := sc.specs[0]
	if spec.Cursor == "" {
		return fmt.Errorf("table %s has no cursor, so it has no ranges; read it all with: tributary run %s --table %s --full", spec.Target, sync.Name, spec.Target)
	}
	kind, err := a.cursorKind(ctx, cfg, sc, spec)
	if err != nil {
		return err
	}
	from, to, err := bounds(kind, f.from, f.to)
	if err != nil {
		return err
	}
	in := workflows.SyncInput{Sync: sync, Select: sc.chosen, Mode: workflows.Mode{From: from, To: to}}
	c, err := a.dial(ctx, cfg)
	if err != nil {
		return err
	}
	defer c.Close()
	return a.startAndWatch(ctx, c, backfillID(sync.Name, spec.Target, in), in, sc, f.detach)
}

// backfillID is the workflow id of a backfill: backfill/daily/acme/orders/2026-01-01T00:00:00..2026-02-01T00:00:00.
func backfillID(sync, target string, in workflows.SyncInput) string {
	clients := "all"
	if len(in.Select.Clients) > 0 {
		clients = shorten(strings.Join(in.Select.Clients, ","))
	}
	return fmt.Sprintf("backfill/%s/%s/%s/%s", sync, clients, target, workflows.RangeID(trimZeros(in.Mode.From), trimZeros(in.Mode.To)))
}

// cursorKind finds out what kind a table's cursor is: from the sync log, or else from the first source that answers.
func (a *app) cursorKind(ctx context.Context, cfg *config.Config, sc scope, spec table.Spec) (string, error) {
	kind, err := a.loggedKind(ctx, cfg, sc, spec)
	if err != nil || kind != "" {
		return kind, err
	}
	var faults []error
	for _, client := range sc.clients {
		plan, err := a.planOf(ctx, client, spec)
		if err == nil {
			return plan.CursorKind, nil
		}
		if faults = append(faults, err); len(faults) == 3 { // the others are hardly better
			break
		}
	}
	return "", fmt.Errorf("find out what kind the cursor %q of table %s is: the sync log does not have it, and no source says: %w",
		spec.Cursor, spec.Target, errors.Join(faults...))
}

func (a *app) loggedKind(ctx context.Context, cfg *config.Config, sc scope, spec table.Spec) (_ string, err error) {
	central, err := a.openLake(ctx, cfg)
	if errors.Is(err, errNoLake) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	runs, err := central.LastRuns(ctx, sc.sync.Target.Central(), lake.Filter{Tables: []string{spec.Target}})
	if err != nil {
		return "", err
	}
	for _, run := range runs {
		if run.Kind != "" {
			return run.Kind, nil
		}
	}
	return "", nil
}

func (a *app) planOf(ctx context.Context, client table.Client, spec table.Spec) (_ table.Plan, err error) {
	source, err := openSource(ctx, client, a.access.Resolve)
	if err != nil {
		return table.Plan{}, err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	planned, err := source.Plan(ctx, []table.Spec{spec})
	if err != nil {
		return table.Plan{}, err
	}
	return planned[0].Plan, planned[0].Err
}
