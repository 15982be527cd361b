package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/config/strict"
	"tributary/internal/lake"
)

type queryFlags struct {
	schema  string
	asOf    string
	version int64
	limit   int
}

func (a *app) queryCommand() *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   `query "SQL"`,
		Short: "Query the lake",
		Long: `Query runs a SELECT over the central tables of a schema, as they are or as they were: in DuckDB's SQL on a local lake, in
Spark's SQL on Spark and Databricks, with the account's own rights. The SQL "-" is read from standard input. sync_log and
sync_runs are tables too.

-o json streams one JSON array, -o csv CSV with a header; both give every row.`,
		Example: `  tributary query "SELECT client_id, count(*) FROM orders GROUP BY ALL"
  tributary query "SELECT * FROM orders WHERE id = 7" --as-of 2026-11-01T06:00:00Z
  tributary query "SELECT count(*) FROM orders" --as-of 7d`,
		Args:        oneArg("SQL"),
		Annotations: map[string]string{outputAnnotation: outputCSV},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.query(cmd, args[0], f)
		},
	}
	cmd.Flags().StringVar(&f.schema, "schema", "", "the central schema; default: that of the syncs, where they have one")
	cmd.Flags().Int64Var(&f.version, "version", 0, "the tables as they were at this version")
	cmd.Flags().StringVar(&f.asOf, "as-of", "", "the tables as they were at this time (RFC 3339, or 2006-01-02 15:04:05 in UTC) or so long ago (90m, 7d)")
	cmd.Flags().IntVar(&f.limit, "limit", 1000, "how many rows a table shows; 0 shows all")
	cmd.MarkFlagsMutuallyExclusive("version", "as-of")
	must(cmd.RegisterFlagCompletionFunc("schema", a.completeSchemas))
	return cmd
}

func (a *app) query(cmd *cobra.Command, sql string, f queryFlags) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	if sql, err = statement(cmd, sql); err != nil {
		return err
	}
	schema, err := querySchema(cfg, f.schema)
	if err != nil {
		return err
	}
	at, err := f.at(cmd.Flags().Changed("version"), time.Now())
	if err != nil {
		return err
	}
	central, err := a.openLake(cmd.Context(), cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	return a.queryLake(cmd.Context(), central, schema, sql, at, f.limit)
}

func (a *app) queryLake(ctx context.Context, central lake.Lake, schema, sql string, at lake.At, limit int) (err error) {
	rows, err := central.Query(ctx, schema, sql, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	switch a.output {
	case outputJSON:
		return writeRowsJSON(a.out, rows)
	case outputCSV:
		return writeRowsCSV(a.out, rows)
	}
	return a.writeRowsTable(rows, limit)
}

// maxStatement bounds a statement that is read from standard input, in bytes.
const maxStatement = 1 << 20

func statement(cmd *cobra.Command, sql string) (string, error) {
	if sql == "-" {
		data, err := readAtMost(cmd.InOrStdin(), maxStatement)
		if err != nil {
			return "", fmt.Errorf("read the SQL from standard input: %w", err)
		}
		sql = string(data)
	}
	if strings.TrimSpace(sql) == "" {
		return "", errors.New("the SQL is empty; write a SELECT")
	}
	return sql, nil
}

// querySchema returns the schema that was asked for, or the syncs' own.
func querySchema(cfg *config.Config, asked string) (string, error) {
	if asked != "" {
		return withCatalog(cfg, asked), nil
	}
	if all := schemas(cfg); len(all) > 1 {
		return "", fmt.Errorf("the syncs have several schemas: choose one with --schema; %s", strict.OneOf(all))
	}
	return cfg.Syncs[0].Target.Central(), nil
}

func schemas(cfg *config.Config) []string { return schemasOf(cfg.Syncs) }

func schemasOf(syncs []config.Sync) []string {
	var all []string
	for _, sync := range syncs {
		if len(all) == 0 || !in(all, sync.Target.Central()) {
			all = append(all, sync.Target.Central())
		}
	}
	return all
}

func (a *app) completeSchemas(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.load()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return schemas(cfg), cobra.ShellCompDirectiveNoFileComp
}

func (f queryFlags) at(version bool, now time.Time) (lake.At, error) {
	switch {
	case version && f.version < 0:
		return lake.At{}, fmt.Errorf("--version %d: versions begin at 0", f.version)
	case version:
		return lake.At{Version: &f.version}, nil
	case f.asOf == "":
		return lake.At{}, nil
	}
	if ago, ok := strict.ParseDuration(f.asOf); ok {
		return lake.At{Time: now.Add(-ago).UTC()}, nil
	}
	t, err := parseTime(f.asOf)
	if err != nil {
		return lake.At{}, fmt.Errorf("--as-of: %w; or how long ago, such as 90m or 7d", err)
	}
	if t.After(now) {
		return lake.At{}, fmt.Errorf("--as-of %s is in the future", t.Format(time.RFC3339))
	}
	return lake.At{Time: t}, nil
}
