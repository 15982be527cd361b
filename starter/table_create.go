package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tributary/internal/lake"
)

func (a *app) tableCreateCommand() *cobra.Command {
	var dryRun bool
	create := &cobra.Command{
		Use:   "create [SYNC…]",
		Short: "Create the central tables from the sources' columns",
		Long: `Create makes the central tables of syncs, apart from any ingestion, with the columns of all clients together, in types that hold
the values of all of them, with the sources' comments, and with the configured layout and properties. Existing tables get the columns that they lack, as
drift allows, and keep what they have: comments, layout and properties too. A run also creates what is missing, from the clients that come first.`,
		ValidArgsFunction: a.completeSyncs(0),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.createTables(cmd.Context(), args, dryRun) },
	}
	create.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be made, and make nothing; -o json has every column")
	return create
}

// What became of a central table.
const (
	tableCreated   = "created"
	tableUpdated   = "updated" // it got columns, or wider ones
	tableUnchanged = "unchanged"
	tableFailed    = "failed"
)

// madeTable is what `table create` did to one central table, or would do.
type madeTable struct {
	Schema     string      `json:"schema"`
	Table      string      `json:"table"`
	Action     string      `json:"action"`
	Columns    int         `json:"columns"`           // in all
	Added      []string    `json:"added,omitempty"`   // "name type", of a table that was there
	Widened    []string    `json:"widened,omitempty"` // "name type", as it is now
	Definition *lake.Table `json:"definition,omitempty"`
	Faults     []string    `json:"faults,omitempty"` // of clients: the others go on
}

func (a *app) createTables(ctx context.Context, names []string, dryRun bool) error {
	return a.withSides(ctx, names, dryRun, func(s sides) error {
		m := &maker{central: s.central, dryRun: dryRun, faults: s.faults}
		if err := m.all(ctx, s); err != nil {
			return err
		}
		return a.printMade(m)
	})
}

// maker makes central tables.
type maker struct {
	central lake.Lake // nil when there is none yet, in a dry run
	dryRun  bool
	made    []*madeTable
	faults  []string // of clients as a whole
}

// all makes tables one after another: a lake serialises such changes anyway. Faults of clients and tables do not stop the others.
func (m *maker) all(ctx context.Context, s sides) error {
	for _, w := range s.wanted {
		m.made = append(m.made, m.one(ctx, w, s.current[w.tableName]))
	}
	return ctx.Err()
}

// one makes a table, or adds what it lacks. A nil now is a table that is not there.
func (m *maker) one(ctx context.Context, w *wantedTable, now *lake.Table) *madeTable {
	made := &madeTable{Schema: w.schema, Table: w.name, Action: tableUnchanged, Faults: w.faults}
	def := lake.Table{Schema: w.schema, Name: w.name, Comment: w.comment()}
	if now != nil {
		def.Columns, def.PartitionBy, def.ClusterBy, def.Comment = now.Columns, now.PartitionBy, now.ClusterBy, now.Comment
		made.Columns = len(now.Columns)
	} else if len(w.wants) > 0 {
		def.PartitionBy, def.ClusterBy, def.Properties = w.wants[0].PartitionBy, w.wants[0].ClusterBy, w.wants[0].Properties
	}
	before := def.Columns
	combined, refused := lake.Combine(before, w.ref(), w.wants, widens(m.central))
	for _, r := range refused {
		made.Faults = append(made.Faults, r.Err.Error())
	}
	def.Columns = combined
	for _, c := range def.Columns {
		switch i := before.Find(c.Name); {
		case i < 0:
			made.Added = append(made.Added, c.Name+" "+string(c.Type))
		case before[i].Type != c.Type:
			made.Widened = append(made.Widened, c.Name+" "+string(c.Type))
		}
	}
	if len(made.Added)+len(made.Widened) == 0 {
		if now == nil {
			made.Action = tableFailed // no source could be read
		}
		return made
	}
	if !m.dryRun {
		if _, err := m.central.Create(ctx, def); err != nil {
			made.Action, made.Added, made.Widened, made.Faults = tableFailed, nil, nil, append(made.Faults, err.Error())
			return made
		}
	}
	made.Columns, made.Definition = len(def.Columns), &def
	made.Action = tableUpdated
	if now == nil {
		made.Action, made.Added = tableCreated, nil
	}
	return made
}

func (a *app) printMade(m *maker) error {
	faults := slices.Clone(m.faults)
	for _, made := range m.made {
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
	g := a.table("schema", "table", "action", "columns", "layout", "added or widened")
	g.right(4)
	for _, made := range m.made {
		layout := ""
		if made.Action == tableCreated {
			layout = lake.Layout(made.Definition.PartitionBy, made.Definition.ClusterBy)
		}
		g.row(made.Schema, made.Table, a.status(a.out, made.Action), made.Columns, layout,
			oneLine(strings.Join(slices.Concat(made.Added, made.Widened), ", "), 200))
	}
	return g.flush()
}
