package main

import (
	"context"
	"errors"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/table"
)

func (a *app) tableListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [SCHEMA]",
		Short: "List the central tables",
		Long: `List shows the central tables of a schema, or of all the syncs' schemas: how many rows and files they have, how large they
are, their version, how their files are laid out, and when the last of their client tables arrived. sync_log and sync_runs are
tables too.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeSchemas,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.listTables(cmd.Context(), args) },
	}
}

// listedTable is a central table's row.
type listedTable struct {
	Schema      string    `json:"schema"`
	Table       string    `json:"table"`
	Rows        int64     `json:"rows"`
	Files       int       `json:"files"`
	Bytes       int64     `json:"bytes"`
	Version     int64     `json:"version"`
	PartitionBy []string  `json:"partition_by,omitempty"`
	ClusterBy   []string  `json:"cluster_by,omitempty"`
	LastSync    time.Time `json:"last_sync_timestamp,omitzero"` // the newest of its client tables
}

func (a *app) listTables(ctx context.Context, args []string) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	wanted := schemas(cfg)
	if len(args) > 0 {
		wanted = []string{withCatalog(cfg, args[0])}
	}
	central, err := a.openLake(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	listed := []listedTable{}
	for _, schema := range wanted {
		tables, err := a.tablesIn(ctx, central, schema, besides(cfg, schema))
		if err != nil {
			return err
		}
		if len(tables) == 0 {
			a.warnf("schema %s has no tables; a run makes them, or tributary table create", schema)
		}
		listed = append(listed, tables...)
	}
	if a.json() {
		return a.writeJSON(listed)
	}
	return a.printTables(listed, time.Now())
}

// tablesIn returns a schema's tables in order of their names. What is no Delta table, such as someone's view, is left out, and said.
// A table of versions was synced with the one that it is beside.
func (a *app) tablesIn(ctx context.Context, central lake.Lake, schema string, beside map[string]string) ([]listedTable, error) {
	names, err := central.Tables(ctx, schema)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	runs, err := central.LastRuns(ctx, schema, lake.Filter{})
	if err != nil {
		return nil, err
	}
	last := map[string]time.Time{}
	for _, run := range runs {
		for _, name := range []string{run.Table, beside[run.Table]} {
			if run.LastSync.After(last[name]) {
				last[name] = run.LastSync
			}
		}
	}
	of := make([]tableName, len(names))
	for i, name := range names {
		of[i] = tableName{schema, name}
	}
	all := describeAll(ctx, central, of)
	var tables []listedTable
	for _, n := range of {
		d := all[n]
		if errors.Is(d.err, lake.ErrNotFound) {
			continue // dropped meanwhile
		}
		if errors.Is(d.err, lake.ErrSchema) {
			a.warnf("left out: %v", d.err)
			continue
		}
		if d.err != nil {
			return nil, d.err
		}
		tables = append(tables, listedTable{
			Schema: schema, Table: n.name, Rows: d.table.Rows, Files: d.table.Files, Bytes: d.table.Bytes, Version: d.table.Version,
			PartitionBy: d.table.PartitionBy, ClusterBy: d.table.ClusterBy, LastSync: last[n.name].UTC(),
		})
	}
	return tables, nil
}

// besides are the schema's tables of versions, by the tables that they are beside.
func besides(cfg *config.Config, schema string) map[string]string {
	all := map[string]string{}
	for _, sync := range cfg.Syncs {
		for _, spec := range sync.Tables {
			if sync.Target.Central() == schema && spec.History == table.HistoryAlso {
				all[spec.Target] = spec.HistoryTable()
			}
		}
	}
	return all
}

// layoutWidth is how wide a terminal must be to show layouts too.
const layoutWidth = 100

func (a *app) printTables(tables []listedTable, now time.Time) error {
	header := []string{"schema", "table", "rows", "files", "size", "version", "last sync", "layout"}
	wide := width(a.out) >= layoutWidth
	if !wide {
		header = header[:len(header)-1]
	}
	g := a.table(header...)
	g.right(3, 4, 5, 6)
	for _, t := range tables {
		last := "-"
		if !t.LastSync.IsZero() {
			last = humanize.RelTime(t.LastSync, now, "ago", "from now")
		}
		row := []any{t.Schema, t.Table, comma(t.Rows), t.Files, humanize.Bytes(uint64(t.Bytes)), t.Version, last}
		if wide {
			row = append(row, lake.Layout(t.PartitionBy, t.ClusterBy))
		}
		g.row(row...)
	}
	return g.flush()
}
