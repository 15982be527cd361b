package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/secrets"
	"tributary/internal/table"
)

func (a *app) tableCommand() *cobra.Command {
	var dryRun bool
	create := &cobra.Command{
		Use:   "create [SYNC…]",
		Short: "Create the central tables from the sources' columns",
		Long: `Create makes the central tables of syncs, apart from any ingestion, with the columns of all clients together: what a client
has more is added. Existing tables keep what they have. A run also creates what is missing.`,
		ValidArgsFunction: a.completeSyncs(0),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.createTables(cmd.Context(), args, dryRun) },
	}
	create.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be made, and make nothing")
	return groupCommand("table", "Manage the central tables", create)
}

// What became of a central table.
const (
	tableCreated   = "created"
	tableUpdated   = "updated" // it got columns
	tableUnchanged = "unchanged"
)

// madeTable is what `table create` did to one central table, or would do.
type madeTable struct {
	Schema  string   `json:"schema"`
	Table   string   `json:"table"`
	Action  string   `json:"action"`
	Columns int      `json:"columns"`         // in all
	Added   []string `json:"added,omitempty"` // "name type", of a table that was there
	Faults  []string `json:"faults,omitempty"`
}

// fault keeps what went wrong for one client: the others go on.
func (m *madeTable) fault(err error) { m.Faults = append(m.Faults, err.Error()) }

func (a *app) createTables(ctx context.Context, names []string, dryRun bool) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	chosen, err := syncs(cfg, names)
	if err != nil {
		return err
	}
	clients, err := clientsOf(ctx, cfg, chosen)
	if err != nil {
		return err
	}
	central, err := lakeFor(ctx, cfg, dryRun)
	if err != nil {
		return err
	}
	if central != nil {
		defer func() { err = errors.Join(err, central.Close()) }()
	}
	n := &inspector{syncs: chosen, resolve: secrets.Resolve, progress: a.counter("clients read")}
	m := &maker{central: central, dryRun: dryRun}
	if err := m.all(ctx, n.run(ctx, clients)); err != nil {
		return err
	}
	return a.printMade(m)
}

func clientsOf(ctx context.Context, cfg *config.Config, chosen []config.Sync) ([]table.Client, error) {
	reg, err := cfg.Registry()
	if err != nil {
		return nil, err
	}
	all, err := reg.Clients(ctx, "")
	if err != nil {
		return nil, err
	}
	return (&checker{syncs: chosen}).concerned(all), nil
}

// lakeFor opens the lake, and makes its folder unless it is a dry run: then there may be none.
func lakeFor(ctx context.Context, cfg *config.Config, dryRun bool) (lake.Lake, error) {
	if !dryRun {
		return open.Lake(ctx, cfg.Lake)
	}
	central, err := openLake(ctx, cfg)
	if errors.Is(err, errNoLake) {
		return nil, nil
	}
	return central, err
}

// maker makes central tables.
type maker struct {
	central lake.Lake // nil when there is none yet, in a dry run
	dryRun  bool
	made    []*madeTable
	tables  []lake.Table // as they are now, or would be; as made
	faults  []string     // of clients as a whole
}

// all makes the tables of every client in turn: each adds the columns that it has more. Faults of clients and
// tables do not stop the others.
func (m *maker) all(ctx context.Context, reports []clientReport) error {
	for _, report := range reports {
		if report.err != nil {
			m.faults = append(m.faults, report.err.Error())
		}
		for _, t := range report.tables {
			if err := m.one(ctx, t); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (m *maker) one(ctx context.Context, t inspected) error {
	i, err := m.find(ctx, t)
	if err != nil {
		return err
	}
	made, now := m.made[i], &m.tables[i]
	fault := t.err
	if fault == nil && len(now.Columns) > 0 {
		fault = checkFit(*now, t.schema, t.spec.Drift)
	}
	if fault != nil {
		made.fault(fault)
		return nil
	}
	added := newColumns(*now, t.schema)
	if len(added) == 0 || len(now.Columns) > 0 && t.spec.Drift == table.DriftIgnore {
		return nil
	}
	if !m.dryRun {
		def := lake.Table{Schema: t.ref.Schema, Name: t.ref.Table, Columns: t.schema, PartitionBy: t.spec.PartitionBy, ClusterBy: t.spec.ClusterBy, Comment: t.plan.Comment}
		if _, err := m.central.Create(ctx, def); err != nil {
			made.fault(fmt.Errorf("client %q: %w", t.ref.Client, err))
			return nil
		}
	}
	if len(now.Columns) == 0 {
		made.Action = tableCreated
	} else if made.Action == tableUnchanged {
		made.Action = tableUpdated
	}
	for _, c := range added {
		if made.Action == tableUpdated {
			made.Added = append(made.Added, c.Name+" "+string(c.Type))
		}
	}
	now.Columns = append(slices.Clip(now.Columns), added...)
	made.Columns = len(now.Columns)
	return nil
}

// find returns the index of a central table, which it describes the first time.
func (m *maker) find(ctx context.Context, t inspected) (int, error) {
	for i, made := range m.made {
		if made.Schema == t.ref.Schema && made.Table == t.ref.Table {
			return i, nil
		}
	}
	now := lake.Table{Schema: t.ref.Schema, Name: t.ref.Table}
	if m.central != nil {
		found, err := m.central.Describe(ctx, t.ref.Schema, t.ref.Table)
		if err != nil && !errors.Is(err, lake.ErrNotFound) {
			return 0, err
		}
		if err == nil {
			now = found
		}
	}
	m.tables = append(m.tables, now)
	m.made = append(m.made, &madeTable{Schema: t.ref.Schema, Table: t.ref.Table, Action: tableUnchanged, Columns: len(now.Columns)})
	return len(m.made) - 1, nil
}

func (a *app) printMade(m *maker) error {
	faults := slices.Clone(m.faults)
	for _, made := range m.made {
		if made.Columns == 0 && len(made.Faults) > 0 {
			made.Action = "failed"
		}
		faults = append(faults, made.Faults...)
	}
	if a.json() {
		err := a.writeJSON(struct {
			DryRun bool         `json:"dry_run"`
			Tables []*madeTable `json:"tables"`
			Faults []string     `json:"faults,omitempty"` // of clients as a whole
		}{m.dryRun, m.made, m.faults})
		if err != nil {
			return err
		}
	} else if err := a.printMadeTable(m); err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s:\n%s", count(len(faults), "fault"), strings.Join(faults, "\n"))
	}
	return nil
}

func (a *app) printMadeTable(m *maker) error {
	if m.dryRun {
		a.sayf("dry run: nothing was made")
	}
	g := a.table("schema", "table", "action", "columns", "added")
	g.right(4)
	for _, made := range m.made {
		g.row(made.Schema, made.Table, a.status(a.out, made.Action), made.Columns, strings.Join(made.Added, ", "))
	}
	return g.flush()
}
