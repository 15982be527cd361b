package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/registry"
	"tributary/internal/table"
)

func (a *app) statusCommand() *cobra.Command {
	var s selection
	var notes bool
	cmd := &cobra.Command{
		Use:   "status [SYNC]",
		Short: "Show the last sync of every client table",
		Long: `Status reads the sync log: when each client table last arrived, how long ago that is, how many rows the last run
brought, up to where the source was read (the watermark), and why the last run failed, if it did. Tables that were never synced are "never".
With --notes it also shows what the last runs noted that was no failure: zero dates, columns that were added or are gone, a
watermark that waits for an open transaction.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeSyncs(1),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.showStatus(cmd.Context(), args, s, notes) },
	}
	a.selectionFlags(cmd, &s)
	cmd.Flags().BoolVar(&notes, "notes", false, "what the last runs noted, too")
	return cmd
}

// statusNever is the status of a client table that the sync log does not have.
const statusNever = "never"

// tableStatus is a client table's row.
type tableStatus struct {
	lake.LastRun

	Age   float64  `json:"age_seconds,omitempty"` // since the last sync
	Notes []string `json:"notes,omitempty"`       // of the last run, where they were asked for
}

func (a *app) showStatus(ctx context.Context, names []string, s selection, notes bool) error {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	chosen, err := syncs(cfg, names)
	if err != nil {
		return err
	}
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return err
	}
	expected, err := expectedTables(ctx, reg, chosen, s, len(names) > 0)
	if err != nil {
		return err
	}
	logged, noted, err := a.readLog(ctx, cfg, expected, lake.Filter{Client: only(s.clients)}, notes)
	if err != nil {
		return err
	}
	rows := joinLog(expected, logged, time.Now())
	for i := range rows {
		rows[i].Notes = noted[key(rows[i].Ref)]
	}
	if a.json() {
		return a.writeJSON(rows)
	}
	err = a.printStatus(rows)
	a.printNotes(rows)
	return err
}

// expectedTables are the client tables that syncs would bring, once each. Where all syncs are asked for, a selection
// need not fit each of them, but one.
func expectedTables(ctx context.Context, reg registry.Registry, chosen []config.Sync, s selection, named bool) ([]table.Ref, error) {
	var refs []table.Ref
	var faults []error
	for _, sync := range chosen {
		sc, err := scopeOf(ctx, reg, sync, s)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		refs = append(refs, sc.refs()...)
	}
	if len(faults) > 0 && (named || len(refs) == 0) {
		return nil, faults[0]
	}
	return refs, nil
}

// refs are the client tables of a scope.
func (sc scope) refs() []table.Ref {
	var refs []table.Ref
	for _, c := range sc.clients {
		for _, spec := range sc.specs {
			refs = append(refs, table.Ref{Sync: sc.sync.Name, Client: c.ID, Region: c.Region, Schema: sc.sync.Target.Central(), Table: spec.Target})
		}
	}
	return refs
}

// key tells client tables apart, whichever sync brought them.
func key(r table.Ref) table.Ref { return table.Ref{Client: r.Client, Schema: r.Schema, Table: r.Table} }

// readLog returns the sync log's rows of the schemas of refs, by key, and what the runs noted where that is asked for. Without a
// lake there are none.
func (a *app) readLog(ctx context.Context, cfg *config.Config, refs []table.Ref, filter lake.Filter, notes bool) (
	logged map[table.Ref]lake.LastRun, noted map[table.Ref][]string, err error) {
	central, err := a.openLake(ctx, cfg)
	if errors.Is(err, errNoLake) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	logged, noted = map[table.Ref]lake.LastRun{}, map[table.Ref][]string{}
	done := map[string]bool{}
	for _, ref := range refs {
		if done[ref.Schema] {
			continue
		}
		done[ref.Schema] = true
		runs, err := central.LastRuns(ctx, ref.Schema, filter)
		if err != nil {
			return nil, nil, err
		}
		for _, run := range runs {
			logged[key(run.Ref)] = run
		}
		if !notes {
			continue
		}
		of, err := readNotes(ctx, central, ref.Schema)
		if err != nil {
			return nil, nil, err
		}
		maps.Copy(noted, of)
	}
	return logged, noted, nil
}

// only is the name when there is just one.
func only(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return ""
}

// joinLog gives each client table what the log has of it, in the region where the client lives now: the log may have the one before a move.
func joinLog(expected []table.Ref, logged map[table.Ref]lake.LastRun, now time.Time) []tableStatus {
	rows := []tableStatus{}
	seen := map[table.Ref]bool{}
	for _, ref := range expected {
		if seen[key(ref)] {
			continue
		}
		seen[key(ref)] = true
		run, ok := logged[key(ref)]
		if !ok {
			run = lake.LastRun{Ref: ref, Status: statusNever}
		}
		run.Region = ref.Region
		row := tableStatus{LastRun: run}
		if !run.LastSync.IsZero() {
			row.Age = max(now.Sub(run.LastSync).Seconds(), 0)
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(x, y tableStatus) int {
		return cmp.Or(cmp.Compare(x.Schema, y.Schema), cmp.Compare(x.Region, y.Region), cmp.Compare(x.Client, y.Client), cmp.Compare(x.Table, y.Table))
	})
	return rows
}

func (a *app) printStatus(rows []tableStatus) error {
	g := a.table("sync", "region", "client", "table", "status", "last sync", "age", "rows", "watermark", "error")
	g.right(8)
	for _, r := range rows {
		last, age, count := "-", "-", "-"
		if !r.LastSync.IsZero() {
			last = r.LastSync.UTC().Format(time.DateTime)
			age = humanize.RelTime(r.LastSync, r.LastSync.Add(time.Duration(r.Age*float64(time.Second))), "", "")
		}
		if r.Status != statusNever {
			count = comma(r.Rows)
		}
		g.row(dash(r.Sync), r.Region, r.Client, r.Table, a.status(a.out, r.Status), last, age, count, dash(trimZeros(r.Watermark)), oneLine(withoutNames(r.Error, r.Client), 80))
	}
	return g.flush()
}

// trimZeros leaves a time's zero fraction out.
func trimZeros(watermark string) string { return strings.TrimSuffix(watermark, ".000000") }
