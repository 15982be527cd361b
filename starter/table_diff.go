package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tributary/internal/lake"
)

func (a *app) tableDiffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff [SYNC…]",
		Short: "Compare the central tables with the sources",
		Long: `Diff holds the columns that each client's source has, after the sync's configuration, against the central tables, and says what
the next run makes of each difference: a table or column that is missing is created, a type is widened where the lake can, a column
that the sources dropped stays and is NULL in new rows. Comments, properties and layout stay as they are in the lake: a layout cannot be
changed in place. It reads no rows and changes nothing.

Exit codes:
  0    nothing differs, or no difference would fail a run
  1    a difference would fail a run, or a source or the lake cannot be read`,
		ValidArgsFunction: a.completeSyncs(0),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.diffTables(cmd.Context(), args) },
	}
}

// Statuses of compared tables.
const (
	diffEqual   = "equal"
	diffDiffers = "differs"
	diffMissing = "missing" // in the lake
	diffUnread  = "unread"  // at every source
)

// tableDiff is one central table, compared.
type tableDiff struct {
	Schema      string            `json:"schema"`
	Table       string            `json:"table"`
	Status      string            `json:"status"`
	Clients     int               `json:"clients"` // whose sources could be read
	Differences []lake.Difference `json:"differences"`
	Faults      []string          `json:"faults,omitempty"` // of client tables that could not be read
}

// diffResult is what `table diff -o json` prints.
type diffResult struct {
	OK     bool        `json:"ok"` // no run would fail
	Tables []tableDiff `json:"tables"`
	Faults []string    `json:"faults,omitempty"` // of clients as a whole
}

func (a *app) diffTables(ctx context.Context, names []string) error {
	return a.withSides(ctx, names, true, func(s sides) error {
		result := diffResult{Tables: []tableDiff{}, Faults: s.faults}
		for _, w := range s.wanted {
			result.Tables = append(result.Tables, compare(w, s.current[w.tableName], s.central))
		}
		return a.reportDiff(result)
	})
}

func compare(w *wantedTable, now *lake.Table, central lake.Lake) tableDiff {
	d := tableDiff{Schema: w.schema, Table: w.name, Status: diffEqual, Faults: w.faults}
	d.Differences = append([]lake.Difference{}, lake.Diff(now, w.ref(), w.wants, widens(central))...)
	d.Clients = w.clients()
	switch {
	case len(w.wants) == 0:
		d.Status = diffUnread
	case now == nil:
		d.Status = diffMissing
	case len(d.Differences) > 0:
		d.Status = diffDiffers
	}
	return d
}

// reportDiff prints the differences, and returns an error with the exit code when a run would fail.
func (a *app) reportDiff(r diffResult) error {
	faults := append([]string{}, r.Faults...)
	fails := 0
	for _, t := range r.Tables {
		faults = append(faults, t.Faults...)
		for _, d := range t.Differences {
			if d.Effect == lake.EffectFails {
				fails++
			}
		}
	}
	r.OK = fails+len(faults) == 0
	if a.json() {
		if err := a.writeJSON(r); err != nil {
			return err
		}
	} else if err := a.printDiff(r, fails); err != nil {
		return err
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s:\n%s", count(len(faults), "fault"), strings.Join(faults, "\n"))
	}
	if fails > 0 {
		return &codedError{code: codeError}
	}
	return nil
}
