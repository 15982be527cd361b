package main

import (
	"context"
	"errors"

	"tributary/config"
	"tributary/internal/lake"
)

// sides are what central tables are made of and compared with: what the sources want, and what the lake has.
type sides struct {
	central lake.Lake // nil when there is none yet, where nothing is to be written
	wanted  []*wantedTable
	current map[tableName]*lake.Table // those that the lake has
	faults  []string                  // of clients as a whole
}

// withSides reads both sides of the syncs' tables and does something with them while the lake is open.
func (a *app) withSides(ctx context.Context, names []string, readOnly bool, do func(sides) error) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	chosen, err := syncs(cfg, names)
	if err != nil {
		return err
	}
	clients, err := a.clientsOf(ctx, cfg, chosen)
	if err != nil {
		return err
	}
	central, err := a.lakeFor(ctx, cfg, readOnly)
	if err != nil {
		return err
	}
	if central != nil {
		defer func() { err = errors.Join(err, central.Close()) }()
	}
	s := sides{central: central}
	if s.wanted, s.faults, err = a.readWants(ctx, cfg, chosen, clients); err != nil {
		return err
	}
	if s.current, err = currentTables(ctx, central, s.wanted); err != nil {
		return err
	}
	return do(s)
}

// lakeFor opens the lake, and makes its folder unless it is only read: then there may be none.
func (a *app) lakeFor(ctx context.Context, cfg *config.Config, readOnly bool) (lake.Lake, error) {
	if !readOnly {
		return a.access.Lake(ctx)
	}
	central, err := a.openLake(ctx, cfg)
	if errors.Is(err, errNoLake) {
		return nil, nil
	}
	return central, err
}

// currentTables describes those of the tables that the lake has.
func currentTables(ctx context.Context, central lake.Lake, tables []*wantedTable) (map[tableName]*lake.Table, error) {
	current := map[tableName]*lake.Table{}
	if central == nil {
		return current, nil
	}
	names := make([]tableName, len(tables))
	for i, w := range tables {
		names[i] = w.tableName
	}
	for n, d := range describeAll(ctx, central, names) {
		if d.err != nil && !errors.Is(d.err, lake.ErrNotFound) {
			return nil, d.err
		}
		if d.err == nil {
			current[n] = &d.table
		}
	}
	return current, nil
}
