package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tributary/config"
	"tributary/config/strict"
	"tributary/internal/lake"
	"tributary/internal/lake/open"
	"tributary/internal/table"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check [SYNC…]",
		Short: "Check everything before anything runs",
		Long: `Check looks at the configuration, the secrets, the client registry, Temporal and its workers, the lake, and then at every
client: its connection and clock, and each table's columns, ids, cursor, where, rules and transforms, and whether they fit the
central table. It reports all that is wrong at once, and changes nothing.

Exit codes:
  0    no faults; there may be warnings
  1    a fault was found`,
		ValidArgsFunction: a.completeSyncs(0),
		RunE:              func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), args) },
	}
}

// Statuses of findings.
const (
	findingOK      = "ok"
	findingWarning = "warning"
	findingFault   = "fault"
)

// finding is one thing that was checked. The narrower names are empty where it concerns more.
type finding struct {
	Check  string `json:"check"` // what was checked: configuration, clients, …, table
	Sync   string `json:"sync,omitempty"`
	Region string `json:"region,omitempty"`
	Client string `json:"client,omitempty"`
	Table  string `json:"table,omitempty"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
	ofFile bool   // one of the faults that files have
}

// checker gathers findings.
type checker struct {
	app      *app
	cfg      *config.Config
	syncs    []config.Sync
	central  lake.Lake // nil when there is none to hold tables against
	findings []finding
}

func (a *app) check(ctx context.Context, names []string) error {
	cfg, err := a.load()
	if err != nil {
		return a.report(faultsOf("configuration", err))
	}
	chosen, err := syncs(cfg, names)
	if err != nil {
		return err
	}
	c := &checker{app: a, cfg: cfg, syncs: chosen}
	c.addf("configuration", findingOK, "%s in %s", count(len(cfg.Syncs), "sync"), cfg.Dir)
	c.salts(ctx)
	clients := c.registry(ctx)
	c.temporal(ctx, clients)
	c.lake(ctx)
	if c.central != nil {
		defer func() { _ = c.central.Close() }() // it only read
	}
	c.clients(ctx, clients)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return a.report(c.findings)
}

func fault(check string, err error) finding {
	return finding{Check: check, Status: findingFault, Detail: err.Error()}
}

// faultsOf is a finding for each of the faults that files have, so that they count one by one.
func faultsOf(check string, err error) []finding {
	listed, ok := errors.AsType[strict.Faults](err)
	if !ok {
		return []finding{fault(check, err)}
	}
	found := make([]finding, len(listed))
	for i, f := range listed {
		found[i] = fault(check, f)
		found[i].ofFile = true
	}
	return found
}

func (c *checker) addf(check, status, format string, args ...any) {
	c.findings = append(c.findings, finding{Check: check, Status: status, Detail: fmt.Sprintf(format, args...)})
}

// salts resolves the secrets of transforms. Those of clients are resolved with their connections.
func (c *checker) salts(ctx context.Context) {
	seen, faults := map[string]bool{}, 0
	for _, sync := range c.syncs {
		for _, spec := range sync.Tables {
			for _, t := range spec.Transform {
				if t.Salt == "" || seen[t.Salt] {
					continue
				}
				seen[t.Salt] = true
				if _, err := c.app.access.Resolve(ctx, t.Salt); err != nil {
					faults++
					c.findings = append(c.findings, finding{Check: "secrets", Sync: sync.Name, Table: spec.Target, Status: findingFault, Detail: err.Error()})
				}
			}
		}
	}
	if len(seen) > 0 && faults == 0 {
		c.addf("secrets", findingOK, "%d of transforms", len(seen))
	}
}

// registry returns the clients that the syncs concern, once each.
func (c *checker) registry(ctx context.Context) []table.Client {
	reg, err := c.cfg.Registry(c.app.access.Resolve)
	if err != nil {
		c.findings = append(c.findings, fault("clients", err))
		return nil
	}
	all, err := reg.Clients(ctx, "")
	if err != nil {
		c.findings = append(c.findings, faultsOf("clients", err)...)
		return nil
	}
	regions, err := reg.Regions(ctx)
	if err != nil {
		c.findings = append(c.findings, fault("clients", err))
		return nil
	}
	for _, sync := range c.syncs {
		c.names(sync, "region", sync.Regions, regions)
		c.names(sync, "client", sync.Clients, idsOf(all))
	}
	concerned := c.concerned(all)
	c.addf("clients", findingOK, "%d of %s, in %d of %s", len(concerned), count(len(all), "client"), len(regionsOf(concerned)), count(len(regions), "region"))
	for _, region := range regions {
		if !in(regionsOf(all), region) || len(all) == 0 {
			c.addf("clients", findingWarning, "region %s has no clients", region)
		}
	}
	return concerned
}

// names checks the names in a sync against the registry.
func (c *checker) names(sync config.Sync, kind string, names, known []string) {
	if err := checkNames(kind, names, known, nil, sync.Name); err != nil {
		c.findings = append(c.findings, finding{Check: "clients", Sync: sync.Name, Status: findingFault, Detail: err.Error() + " (" + kind + "s of the sync)"})
	}
}

func (c *checker) concerned(all []table.Client) []table.Client {
	var concerned []table.Client
	for _, client := range all {
		for _, sync := range c.syncs {
			if in(sync.Regions, client.Region) && in(sync.Clients, client.ID) {
				concerned = append(concerned, client)
				break
			}
		}
	}
	return concerned
}

func (c *checker) temporal(ctx context.Context, clients []table.Client) {
	temporal, err := c.app.dialOnly(ctx, c.cfg)
	if err != nil {
		c.findings = append(c.findings, fault("temporal", err))
		return
	}
	defer temporal.Close()
	idle, err := idleQueues(ctx, temporal, regionsOf(clients))
	if err != nil {
		c.findings = append(c.findings, fault("temporal", err))
		return
	}
	c.addf("temporal", findingOK, "reachable")
	for _, warning := range idle {
		c.addf("workers", findingWarning, "%s", warning)
	}
	if len(idle) == 0 {
		c.addf("workers", findingOK, "every task queue is polled")
	}
}

// maxSkew is how far a client's clock may be from ours without a warning. Windows use the client's own clock, so a wrong
// one loses nothing until it is set.
const maxSkew = 5 * time.Minute

func (c *checker) clients(ctx context.Context, clients []table.Client) {
	n := &inspector{syncs: c.syncs, resolve: c.app.access.Resolve, progress: c.app.counter("clients checked"), names: open.Names(c.cfg.Lake.Kind)}
	reports := n.run(ctx, clients)
	c.fit(ctx, reports)
	for _, report := range reports {
		client := finding{Check: "client", Region: report.client.Region, Client: report.client.ID}
		if report.err != nil {
			client.Status, client.Detail = findingFault, report.err.Error()
			c.findings = append(c.findings, client)
			continue
		}
		if report.skew.Abs() > maxSkew {
			client.Status, client.Detail = findingWarning, fmt.Sprintf("its server's clock is %s from this machine's; correct it, in small steps", report.skew.Round(time.Second))
			c.findings = append(c.findings, client)
		}
		for _, hint := range sightHints(report) {
			client.Status, client.Detail = findingWarning, hint
			c.findings = append(c.findings, client)
		}
		for _, t := range report.tables {
			c.findings = append(c.findings, t.finding())
		}
	}
}

func (t inspected) finding() finding {
	f := finding{Check: "table", Sync: t.ref.Sync, Region: t.ref.Region, Client: t.ref.Client, Table: t.ref.Table, Status: findingOK}
	if t.err != nil {
		f.Status, f.Detail = findingFault, t.err.Error()
	}
	return f
}
