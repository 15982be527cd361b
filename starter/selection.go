package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/config/strict"
	"tributary/internal/registry"
	"tributary/internal/table"
	"tributary/workflows"
)

// selection is what --region, --client and --table ask for; empty means all.
type selection struct{ regions, clients, tables []string }

func (a *app) selectionFlags(cmd *cobra.Command, s *selection) {
	cmd.Flags().StringSliceVar(&s.regions, "region", nil, "only these regions")
	cmd.Flags().StringSliceVar(&s.clients, "client", nil, "only these clients")
	cmd.Flags().StringSliceVar(&s.tables, "table", nil, "only these central tables")
	a.completeSelection(cmd)
}

func (s selection) empty() bool { return len(s.regions)+len(s.clients)+len(s.tables) == 0 }

// text writes the selection as part of a workflow id: short, and the same for the same selection.
func (s selection) text() string {
	var parts []string
	for _, p := range []struct {
		key   string
		names []string
	}{{"region", s.regions}, {"client", s.clients}, {"table", s.tables}} {
		for _, name := range slices.Sorted(slices.Values(p.names)) {
			parts = append(parts, p.key+"="+name)
		}
	}
	return shorten(strings.Join(slices.Compact(parts), ","))
}

// shorten keeps workflow ids, which are bounded, unique and short.
func shorten(text string) string {
	const most = 200
	if len(text) <= most {
		return text
	}
	return fmt.Sprintf("%.16x", sha256.Sum256([]byte(text)))
}

// scope is the part of a sync that a command works on.
type scope struct {
	sync    config.Sync
	regions []string // that have work, sorted; a region without clients has none
	clients []table.Client
	specs   []table.Spec
	chosen  workflows.Selection // as the workflow wants it
}

// scope loads the configuration, and holds a selection against a sync of it and the registry.
func (a *app) scope(ctx context.Context, name string, s selection) (*config.Config, scope, error) {
	cfg, sync, err := a.loadSync(name)
	if err != nil {
		return nil, scope{}, err
	}
	reg, err := cfg.Registry(a.access.Resolve)
	if err != nil {
		return nil, scope{}, err
	}
	sc, err := scopeOf(ctx, reg, sync, s)
	return cfg, sc, err
}

// scopeOf holds a selection against a sync and the registry. It reports every unknown name at once.
func scopeOf(ctx context.Context, reg registry.Registry, sync config.Sync, s selection) (scope, error) {
	all, err := reg.Clients(ctx, "")
	if err != nil {
		return scope{}, err
	}
	known, err := reg.Regions(ctx)
	if err != nil {
		return scope{}, err
	}
	specs, tables, tableErr := selectTables(sync, s.tables)
	err = errors.Join(checkNames("region", s.regions, known, sync.Regions, sync.Name),
		checkNames("client", s.clients, idsOf(all), sync.Clients, sync.Name), tableErr)
	if err != nil {
		return scope{}, err
	}
	sc := scope{sync: sync, specs: specs}
	for _, c := range all {
		if in(sync.Regions, c.Region) && in(sync.Clients, c.ID) && in(s.regions, c.Region) && in(s.clients, c.ID) {
			sc.clients = append(sc.clients, c)
			sc.regions = append(sc.regions, c.Region)
		}
	}
	slices.Sort(sc.regions)
	sc.regions = slices.Compact(sc.regions)
	if len(sc.clients) == 0 {
		return scope{}, fmt.Errorf("sync %s has no clients to work on%s; check the registry, and regions and clients of the sync", sync.Name, s.suffix())
	}
	sc.chosen = workflows.Selection{Regions: s.regions, Clients: s.clients, Tables: tables}
	if len(s.clients) > 0 {
		sc.chosen.Regions = sc.regions // the others would list their clients for nothing
	}
	return sc, nil
}

func (s selection) suffix() string {
	if s.empty() {
		return ""
	}
	return " with " + s.text()
}

// selectTables returns the tables that were asked for, all when none was, and the central names of those that were.
// Source names will do where they name one table.
func selectTables(sync config.Sync, names []string) (specs []table.Spec, central []string, err error) {
	if len(names) == 0 {
		return sync.Tables, nil, nil
	}
	var faults []string
	for _, name := range names {
		found := matching(sync.Tables, name)
		if len(found) != 1 {
			faults = append(faults, name)
			continue
		}
		if !slices.Contains(central, found[0].Target) {
			specs, central = append(specs, found[0]), append(central, found[0].Target)
		}
	}
	return specs, central, checkNames("table", faults, targetsOf(sync.Tables), nil, sync.Name)
}

func matching(specs []table.Spec, name string) []table.Spec {
	var found []table.Spec
	for _, spec := range specs {
		if spec.Target == name {
			return []table.Spec{spec}
		}
		if spec.Name == name {
			found = append(found, spec)
		}
	}
	return found
}

// checkNames reports the names that are not known, or that the sync leaves out.
func checkNames(kind string, names, known, ofSync []string, sync string) error {
	var faults []error
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			fault := fmt.Errorf("unknown %s %q", kind, name)
			if near := strict.Nearest(name, known); near != "" {
				fault = fmt.Errorf("%w; did you mean %q?", fault, near)
			} else if len(known) <= 20 {
				fault = fmt.Errorf("%w; %s", fault, strict.OneOf(known))
			}
			faults = append(faults, fault)
		case !in(ofSync, name):
			faults = append(faults, fmt.Errorf("%s %q is not part of sync %s: add it to the sync's %ss", kind, name, sync, kind))
		}
	}
	return errors.Join(faults...)
}

// in says whether a list has the name; an empty list has every name.
func in(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }

func idsOf(clients []table.Client) []string {
	ids := make([]string, len(clients))
	for i, c := range clients {
		ids[i] = c.ID
	}
	return ids
}

// centralTables are the central tables of specs: targets, and tables of versions beside them.
func centralTables(specs []table.Spec) []string {
	var all []string
	for _, s := range specs {
		all = append(all, s.Targets()...)
	}
	return all
}

func targetsOf(specs []table.Spec) []string {
	targets := make([]string, len(specs))
	for i, s := range specs {
		targets[i] = s.Target
	}
	return targets
}
