package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tributary/internal/lake"
)

func (a *app) tableDescribeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "describe TABLE",
		Short: "Show a central table's columns, layout and size",
		Long: `Describe shows what a central table is now: its columns with their types and comments, its layout, properties and comment,
and its rows, files, size and version. TABLE is a name, schema.table or catalog.schema.table.`,
		Args:              oneArg("TABLE"),
		ValidArgsFunction: a.completeLakeTables,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.describeTable(cmd.Context(), args[0]) },
	}
}

func (a *app) describeTable(ctx context.Context, written string) error {
	return a.withTable(ctx, written, func(central lake.Lake, n tableName) error {
		t, err := central.Describe(ctx, n.schema, n.name)
		switch {
		case err != nil:
			return err
		case a.json():
			return a.writeJSON(t)
		}
		return a.printDescribed(t)
	})
}

func (a *app) printDescribed(t lake.Table) error {
	lines := [][2]string{
		{"table", t.Schema + "." + t.Name},
		{"comment", t.Comment},
		{"layout", lake.Layout(t.PartitionBy, t.ClusterBy)},
		{"rows", comma(t.Rows)},
		{"files", comma(int64(t.Files))},
		{"size", humanize.Bytes(uint64(t.Bytes))},
		{"version", fmt.Sprint(t.Version)},
	}
	for _, key := range slices.Sorted(maps.Keys(t.Properties)) {
		if ids, err := lake.IDsOf(t.Properties[key]); key == lake.IDsProperty && err == nil { // hex digits tell a person nothing
			lines = append(lines, [2]string{"ids", strings.Join(ids, ", ")})
			continue
		}
		lines = append(lines, [2]string{"property", key + " = " + t.Properties[key]})
	}
	for _, line := range lines {
		if line[1] != "" {
			fmt.Fprintf(a.out, "%-10s%s\n", line[0], oneLine(line[1], 1000))
		}
	}
	fmt.Fprintln(a.out)
	g := a.table("column", "type", "nullable", "comment")
	for _, c := range t.Columns {
		nullable := "no"
		if c.Nullable {
			nullable = "yes"
		}
		g.row(oneLine(c.Name, 128), string(c.Type), nullable, oneLine(c.Comment, 200))
	}
	return g.flush()
}
