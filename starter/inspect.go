package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tributary/config"
	"tributary/internal/lake"
	"tributary/internal/mariadb"
	"tributary/internal/steps"
	"tributary/internal/table"
)

// inspectedAtOnce is how many clients are looked at side by side.
const inspectedAtOnce = 16

// inspector holds syncs against their clients' databases. It reads catalogues, no rows, and changes nothing.
type inspector struct {
	syncs    []config.Sync
	resolve  func(ctx context.Context, reference string) (string, error)
	progress func(done, all int) // may be nil
	names    lake.Namer          // that columns of the lake can have; nil when any

	compiling chan struct{} // a slot for each that compiles
	mu        sync.Mutex
	compiled  map[string]*compilation
}

// clientReport is what was found at one client.
type clientReport struct {
	client table.Client
	err    error         // the client as a whole: its secret, connection or database
	skew   time.Duration // how far the server's clock is ahead of ours
	sight  mariadb.Sight // what the account sees of rows that are still to arrive
	tables []inspected
}

// inspected is one client table, held against its source.
type inspected struct {
	ref    table.Ref
	spec   table.Spec
	plan   table.Plan
	schema table.Schema // of the central table, as this client's rows will have it
	err    error
}

// compilation is the result of steps.Compile, shared by all clients whose table looks the same.
type compilation struct {
	once   sync.Once
	schema table.Schema
	err    error
}

// run inspects clients, a bounded number side by side, and returns their reports in the same order.
func (n *inspector) run(ctx context.Context, clients []table.Client) []clientReport {
	n.compiling, n.compiled = make(chan struct{}, runtime.NumCPU()), map[string]*compilation{}
	reports := make([]clientReport, len(clients))
	var group errgroup.Group
	group.SetLimit(inspectedAtOnce)
	done := 0
	for i, client := range clients {
		group.Go(func() error {
			reports[i] = n.client(ctx, client)
			n.mu.Lock()
			defer n.mu.Unlock()
			if done++; n.progress != nil {
				n.progress(done, len(clients))
			}
			return nil
		})
	}
	_ = group.Wait() // what goes wrong is in the reports
	return reports
}

// clientTimeout bounds how long one client may take, so that a hanging server holds up nothing.
const clientTimeout = 2 * time.Minute

func (n *inspector) client(ctx context.Context, client table.Client) clientReport {
	ctx, cancel := context.WithTimeout(ctx, clientTimeout)
	defer cancel()
	report := clientReport{client: client}
	source, err := openSource(ctx, client, n.resolve)
	if err != nil {
		report.err = err
		return report
	}
	defer func() { _ = source.Close() }() // it only read
	server, err := source.Ping(ctx)
	if err != nil {
		report.err = err
		return report
	}
	report.skew = time.Until(server.Clock)
	if report.sight, err = source.Sight(ctx); err != nil {
		report.err = err
		return report
	}
	for _, sync := range n.syncs {
		if !in(sync.Regions, client.Region) || !in(sync.Clients, client.ID) {
			continue
		}
		tables, err := n.tables(ctx, source, client, sync)
		if err != nil {
			report.err = err
			return report
		}
		report.tables = append(report.tables, tables...)
	}
	return report
}

func openSource(ctx context.Context, client table.Client, resolve func(context.Context, string) (string, error)) (*mariadb.Source, error) {
	var password string
	if client.Password != "" {
		var err error
		if password, err = resolve(ctx, client.Password); err != nil {
			return nil, fmt.Errorf("client %q: %w", client.ID, err)
		}
	}
	return mariadb.Open(client, password)
}

func (n *inspector) tables(ctx context.Context, source *mariadb.Source, client table.Client, sync config.Sync) ([]inspected, error) {
	planned, err := source.Plan(ctx, sync.Tables)
	if err != nil {
		return nil, err
	}
	tables := make([]inspected, len(planned))
	for i, p := range planned {
		spec := sync.Tables[i]
		t := inspected{spec: spec, plan: p.Plan, err: p.Err, ref: table.Ref{
			Sync: sync.Name, Client: client.ID, Region: client.Region, Schema: sync.Target.Central(), Table: spec.Target,
		}}
		if t.err == nil {
			t.err = lake.CheckNames(n.names, spec, p.Plan)
		}
		if t.err == nil {
			t.err = source.CheckQuery(ctx, spec, p.Plan)
		}
		if t.err == nil {
			t.schema, t.err = n.compile(ctx, client, t)
		}
		tables[i] = t
	}
	return tables, nil
}

// compile compiles a table's rules and transforms. Each opens an engine, so clients whose tables look
// the same share one result.
func (n *inspector) compile(ctx context.Context, client table.Client, t inspected) (table.Schema, error) {
	shape, err := json.Marshal([]any{t.ref.Sync, t.ref.Table, t.plan})
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	c := n.compiled[string(shape)]
	if c == nil {
		c = &compilation{}
		n.compiled[string(shape)] = c
	}
	n.mu.Unlock()
	c.once.Do(func() {
		n.compiling <- struct{}{}
		defer func() { <-n.compiling }()
		c.schema, c.err = steps.Compile(ctx, steps.Job{
			Client: client, Ref: t.ref, Spec: t.spec, Plan: t.plan, Limits: steps.Limits{Memory: 256 << 20, Threads: 1},
		})
	})
	if c.err != nil {
		return nil, fmt.Errorf("client %q, table %q: %w", client.ID, t.ref.Table, c.err)
	}
	return c.schema, nil
}
