package main

import (
	"context"
	"fmt"
	"slices"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
)

// wantedTable is a central table as the sources of its clients want it.
type wantedTable struct {
	tableName

	wants  []lake.Want // one for each different shape; none when no source could be read
	faults []string    // of client tables that could not be read
	shapes map[string]int
}

// ref names the table in messages.
func (w *wantedTable) ref() table.Ref { return table.Ref{Schema: w.schema, Table: w.name} }

// readWants reads the sources of syncs' clients, a bounded number side by side. It returns their central tables in the order
// of the configuration, and what is wrong with clients as a whole.
func (a *app) readWants(ctx context.Context, cfg *config.Config, chosen []config.Sync, clients []table.Client) (tables []*wantedTable, faults []string, err error) {
	n := &inspector{syncs: chosen, resolve: a.access.Resolve, progress: a.counter("clients read"), names: open.Names(cfg.Lake.Kind)}
	reports := n.run(ctx, clients)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	tables, faults = wantedTables(chosen, reports)
	return tables, faults, nil
}

func (a *app) clientsOf(ctx context.Context, cfg *config.Config, chosen []config.Sync) ([]table.Client, error) {
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return nil, err
	}
	all, err := reg.Clients(ctx, "")
	if err != nil {
		return nil, err
	}
	return (&checker{syncs: chosen}).concerned(all), nil
}

func wantedTables(chosen []config.Sync, reports []clientReport) (tables []*wantedTable, faults []string) {
	known := map[tableName]*wantedTable{}
	for _, sync := range chosen {
		for _, target := range centralTables(sync.Tables) {
			n := tableName{sync.Target.Central(), target}
			if known[n] == nil {
				known[n] = &wantedTable{tableName: n, shapes: map[string]int{}}
				tables = append(tables, known[n])
			}
		}
	}
	for _, report := range reports {
		if report.err != nil {
			faults = append(faults, report.err.Error())
		}
		for _, t := range report.tables {
			for _, target := range t.spec.Targets() {
				known[tableName{t.ref.Schema, target}].add(t, target == t.spec.HistoryTable())
			}
		}
	}
	return tables, faults
}

// add adds a client table. Those that look the same become one want, so that a thousand clients cost what their shapes do.
func (w *wantedTable) add(t inspected, versions bool) {
	if t.err != nil {
		w.faults = append(w.faults, t.err.Error())
		return
	}
	want := lake.Want{
		Columns: t.schema, Comment: t.plan.Comment, Drift: t.spec.Drift, PartitionBy: t.spec.PartitionBy, ClusterBy: t.spec.ClusterBy,
		Properties: t.spec.Properties,
	}
	if versions {
		want.Versions, want.Columns = true, t.schema.WithVersions()
	}
	shape := fmt.Sprintf("%#v", want)
	i, known := w.shapes[shape]
	if !known {
		i = len(w.wants)
		w.shapes[shape] = i
		w.wants = append(w.wants, want)
	}
	if !slices.Contains(w.wants[i].Clients, t.ref.Client) { // it may be there by another sync
		w.wants[i].Clients = append(w.wants[i].Clients, t.ref.Client)
	}
}

// clients is how many clients' sources could be read.
func (w *wantedTable) clients() int {
	distinct := map[string]bool{}
	for _, want := range w.wants {
		for _, client := range want.Clients {
			distinct[client] = true
		}
	}
	return len(distinct)
}

// comment is the table's comment at the first source that has one.
func (w *wantedTable) comment() string {
	for _, want := range w.wants {
		if want.Comment != "" {
			return want.Comment
		}
	}
	return ""
}

// widens is what the lake can widen; nil when it cannot, or when there is none yet.
func widens(central lake.Lake) func(from, to table.Type) bool {
	if central == nil {
		return nil
	}
	if w, ok := lake.As[lake.Widener](central); ok {
		return w.Widens
	}
	return nil
}
