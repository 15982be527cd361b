package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tributary/internal/lake"
	"tributary/internal/table"
)

func (a *app) historyCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history TABLE",
		Short: "Show what was done to a central table",
		Long: `History lists a central table's commits, newest first: each is a version that "tributary query --version" can read while its
files are kept. A merge says how many rows it inserted, updated and deleted, and of which clients, where the lake's log
has it; -o json gives all that the log says. TABLE is a name, schema.table or catalog.schema.table.`,
		Args:              oneArg("TABLE"),
		ValidArgsFunction: a.completeLakeTables,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.showHistory(cmd.Context(), args[0], limit) },
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "how many commits; 0 shows all")
	return cmd
}

func (a *app) showHistory(ctx context.Context, written string, limit int) error {
	if limit < 0 {
		return fmt.Errorf("--limit %d: write 0 for all, or how many", limit)
	}
	return a.withTable(ctx, written, func(central lake.Lake, n tableName) error {
		commits, err := central.History(ctx, n.schema, n.name, limit)
		switch {
		case err != nil:
			return err
		case a.json():
			return a.writeJSON(commits)
		}
		return a.printHistory(commits)
	})
}

// Metrics of the operations that change rows, as Delta's log has them.
var (
	insertedMetrics = []string{"numTargetRowsInserted", "numOutputRows"}
	updatedMetrics  = []string{"numTargetRowsUpdated", "numUpdatedRows"}
	deletedMetrics  = []string{"numTargetRowsDeleted", "numDeletedRows"}
)

func (a *app) printHistory(commits []lake.Commit) error {
	g := a.table("version", "time", "operation", "inserted", "updated", "deleted", "clients")
	g.right(1, 4, 5, 6)
	for _, c := range commits {
		g.row(c.Version, c.Time.UTC().Format(time.DateTime), dash(oneLine(c.Operation, 40)),
			metric(c, insertedMetrics), metric(c, updatedMetrics), metric(c, deletedMetrics),
			dash(oneLine(mergedClients(c), max(width(a.out)-75, 20))))
	}
	return g.flush()
}

// clientPredicate finds the literals of client_id in a merge's condition as Spark writes it: client_id#7 = acme),
// client_id#7 IN (acme,bolt), or client_id#7 INSET acme, bolt).
var clientPredicate = regexp.MustCompile(`(?i)\b` + table.ClientColumn + `#\d+ (?:= ([^()#]+)\)|IN \(([^()#]+)\)|INSET ([^()#]+)\))`)

// mergedClients names the clients of a merge: a local lake says who they were, Spark has them in the condition.
func mergedClients(c lake.Commit) string {
	if clients := c.Parameters["clients"]; clients != "" {
		return strings.ReplaceAll(clients, ",", ", ")
	}
	found := clientPredicate.FindStringSubmatch(c.Parameters["predicate"])
	if found == nil {
		return ""
	}
	var names []string
	for name := range strings.SplitSeq(found[1]+found[2]+found[3], ",") {
		names = append(names, strings.TrimSpace(name))
	}
	return strings.Join(names, ", ")
}

// metric is the first of the metrics that the commit has. A merge's own go first: it also counts rows that it only copied.
func metric(c lake.Commit, names []string) string {
	for _, name := range names {
		text, known := c.Metrics[name]
		if n, err := strconv.ParseInt(text, 10, 64); known && err == nil {
			return comma(n)
		}
	}
	return "-"
}
