package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"tributary/config"
	"tributary/config/strict"
	"tributary/internal/lake"
)

func (a *app) tableCommand() *cobra.Command {
	return groupCommand("table", "Manage the central tables",
		a.tableCreateCommand(), a.tableListCommand(), a.tableDescribeCommand(), a.tableDiffCommand())
}

// tableName names a central table.
type tableName struct{ schema, name string }

func (n tableName) String() string { return n.schema + "." + n.name }

// tableNamed reads a table's name as people write it: TABLE, schema.table or catalog.schema.table. No name has a dot in it.
func tableNamed(cfg *config.Config, written string) (tableName, error) {
	parts := strings.Split(written, ".")
	if slices.Contains(parts, "") || len(parts) > 3 {
		return tableName{}, fmt.Errorf("%q is no table's name; write TABLE, schema.table or catalog.schema.table", written)
	}
	name := parts[len(parts)-1]
	if len(parts) == 1 {
		schema, err := schemaOf(cfg, name)
		return tableName{schema, name}, err
	}
	schema := strings.Join(parts[:len(parts)-1], ".")
	return tableName{withCatalog(cfg, schema), name}, nil
}

// schemaOf returns the one schema that has, by the syncs, a table of that name; or the only schema that there is.
func schemaOf(cfg *config.Config, name string) (string, error) {
	all := schemas(cfg)
	if len(all) == 1 {
		return all[0], nil
	}
	var having []string
	for _, sync := range cfg.Syncs {
		same := func(target string) bool { return strings.EqualFold(target, name) }
		if schema := sync.Target.Central(); slices.ContainsFunc(centralTables(sync.Tables), same) && !slices.Contains(having, schema) {
			having = append(having, schema)
		}
	}
	if len(having) == 1 {
		return having[0], nil
	}
	return "", fmt.Errorf("the syncs have several schemas: write schema.%s; schemas are %s", name, strings.Join(all, ", "))
}

// withCatalog completes a schema that is written without the catalog that the syncs give it.
func withCatalog(cfg *config.Config, schema string) string {
	all := schemas(cfg)
	if slices.Contains(all, schema) {
		return schema
	}
	var ending []string
	for _, s := range all {
		if strings.HasSuffix(s, "."+schema) {
			ending = append(ending, s)
		}
	}
	if len(ending) == 1 {
		return ending[0]
	}
	return schema
}

// described is what Describe said of a table.
type described struct {
	table lake.Table
	err   error
}

// describedAtOnce bounds the tables that are described side by side: a statement of a SQL lake takes a second.
const describedAtOnce = 8

// describeAll describes tables. What goes wrong with one is in its place.
func describeAll(ctx context.Context, central lake.Lake, names []tableName) map[tableName]described {
	results := make([]described, len(names))
	var group errgroup.Group
	group.SetLimit(describedAtOnce)
	for i, n := range names {
		group.Go(func() error {
			results[i].table, results[i].err = central.Describe(ctx, n.schema, n.name)
			return nil
		})
	}
	_ = group.Wait() // errors are in the results
	all := make(map[tableName]described, len(names))
	for i, n := range names {
		all[n] = results[i]
	}
	return all
}

// orNearest says of lake.ErrNotFound which table may have been meant.
func orNearest(ctx context.Context, central lake.Lake, n tableName, err error) error {
	if !errors.Is(err, lake.ErrNotFound) {
		return err
	}
	names, listErr := central.Tables(ctx, n.schema)
	switch near := strict.Nearest(n.name, names); {
	case listErr != nil:
		return err
	case len(names) == 0:
		return fmt.Errorf("%w: %s: schema %s has no tables; a run makes them, or tributary table create", lake.ErrNotFound, n, n.schema)
	case near != "":
		return fmt.Errorf("%w: %s; did you mean %q?", lake.ErrNotFound, n, near)
	}
	return fmt.Errorf("%w: %s; schema %s has %s", lake.ErrNotFound, n, n.schema, strings.Join(names, ", "))
}

// withTable opens the lake and does something with the central table that was written. A table that is not there is told with the nearest.
func (a *app) withTable(ctx context.Context, written string, do func(central lake.Lake, n tableName) error) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	n, err := tableNamed(cfg, written)
	if err != nil {
		return err
	}
	central, err := a.openLake(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	return orNearest(ctx, central, n, do(central, n))
}

// completeLakeTables offers the central tables of the syncs, as they can be named.
func (a *app) completeLakeTables(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	cfg, err := a.load()
	if err != nil || len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, sync := range cfg.Syncs {
		for _, target := range centralTables(sync.Tables) {
			if _, err := schemaOf(cfg, target); err != nil {
				target = sync.Target.Central() + "." + target
			}
			names = append(names, target)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}
