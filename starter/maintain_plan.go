package main

import (
	"context"
	"errors"
	"strings"

	"github.com/dustin/go-humanize"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/workflows"
)

// plannedMaintenance is what a maintenance would do to one table.
type plannedMaintenance struct {
	Sync      string   `json:"sync"`
	Table     string   `json:"table"`
	Files     int      `json:"files"` // now
	Bytes     int64    `json:"bytes"`
	Optimize  bool     `json:"optimize"`
	ZOrderBy  []string `json:"zorder_by,omitempty"`
	Retention string   `json:"vacuum_retention,omitempty"`
}

// planMaintenance prints what would be done, of the tables that there are.
func (a *app) planMaintenance(ctx context.Context, cfg *config.Config, chosen []config.Sync) (err error) {
	central, err := a.openLake(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, central.Close()) }()
	planned := []plannedMaintenance{}
	for _, sync := range chosen {
		for _, spec := range workflows.Maintenance(sync).Tables() {
			is, err := central.Describe(ctx, sync.Target.Central(), spec.Target)
			if errors.Is(err, lake.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			p := plannedMaintenance{Sync: sync.Name, Table: spec.Target, Files: is.Files, Bytes: is.Bytes, Optimize: sync.Maintain.Optimize, ZOrderBy: spec.ZOrderBy}
			if sync.Maintain.Vacuum {
				p.Retention = shortDuration(sync.Maintain.Retention)
			}
			planned = append(planned, p)
		}
	}
	return a.printMaintenancePlan(planned)
}

func (a *app) printMaintenancePlan(planned []plannedMaintenance) error {
	if a.json() {
		return a.writeJSON(planned)
	}
	a.sayf("dry run: nothing was changed")
	g := a.table("sync", "table", "files", "size", "would be")
	g.right(3, 4)
	for _, p := range planned {
		g.row(p.Sync, p.Table, comma(int64(p.Files)), humanize.IBytes(uint64(max(p.Bytes, 0))), p.String())
	}
	return g.flush()
}

func (p plannedMaintenance) String() string {
	var parts []string
	if p.Optimize {
		parts = append(parts, "compacted")
	}
	if p.Optimize && len(p.ZOrderBy) > 0 {
		parts[0] += " by " + strings.Join(p.ZOrderBy, ", ")
	}
	if p.Retention != "" {
		parts = append(parts, "vacuumed of what is older than "+p.Retention)
	}
	return dash(strings.Join(parts, ", "))
}
