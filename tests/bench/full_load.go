package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

//go:embed orders.sql
var ordersSQL string

// ordersSync is the sync of orders into a table of the protocol that every reader knows.
const ordersSync = `
target: {schema: central}
tables:
  - {name: orders, cursor: updated_at}
`

// vectorsSync is the same into a table with deletion vectors.
const vectorsSync = `
target: {schema: central}
tables:
  - {name: orders, cursor: updated_at, properties: {delta.enableDeletionVectors: "true"}}
`

// fullLoad measures a first load of orders, MariaDB to committed Delta table, against the Go driver reading and dropping
// the same rows over one connection, and against dlt with its ConnectorX backend.
func (b *bench) fullLoad(ctx context.Context) (err error) {
	server, err := b.orders(b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	var all loads
	for run := range b.runs {
		drained, err := child(ctx, "drain", server.DSN("shop"))
		if err != nil {
			return err
		}
		ours, err := b.load(ctx, server, b.lakeDir(run), ordersSync)
		if err != nil {
			return err
		}
		theirs, err := b.dltLoad(ctx, server)
		if err != nil {
			return err
		}
		notef("run %d: drain %.2f s; full load %.2f s (%s), %.1f s of CPU, peak %.0f MiB; dlt %.2f s",
			run+1, drained.Seconds, ours.Seconds, ours.steps, ours.cpu, ours.Peak, theirs.Seconds)
		all.add(drained, ours, theirs, b.rows)
	}
	return all.report()
}

// loads are the figures of full loads, one of each run.
type loads struct{ vsDrain, vsDLT, peaks, cpu, drains, ours, theirs, theirPeaks []float64 }

func (l *loads) add(drained measured, ours loaded, theirs measured, rows int) {
	l.vsDrain, l.vsDLT = append(l.vsDrain, ours.Seconds/drained.Seconds), append(l.vsDLT, ours.Seconds/theirs.Seconds)
	l.peaks, l.cpu = append(l.peaks, ours.Peak), append(l.cpu, ours.cpu*1e6/float64(rows))
	l.drains, l.ours = append(l.drains, drained.Seconds), append(l.ours, ours.Seconds)
	l.theirs, l.theirPeaks = append(l.theirs, theirs.Seconds), append(l.theirPeaks, theirs.Peak)
}

func (l *loads) report() error {
	return errors.Join(
		report("full_load_vs_drain", median(l.vsDrain), "x", 1.3),
		report("full_load_vs_dlt_connectorx", median(l.vsDLT), "x", 1/1.8),
		report("full_load_peak_memory", median(l.peaks), "MiB", 512),
		report("full_load_cpu_per_row", median(l.cpu), "µs", 3),
		report("drain_seconds", median(l.drains), "s", 0),
		report("full_load_seconds", median(l.ours), "s", 0),
		report("dlt_connectorx_seconds", median(l.theirs), "s", 0),
		report("dlt_connectorx_peak_memory", median(l.theirPeaks), "MiB", 0))
}

// fullLoadTen measures the peak memory of loading ten times the rows.
func (b *bench) fullLoadTen(ctx context.Context) (err error) {
	server, err := b.orders(10 * b.rows)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	ours, err := b.load(ctx, server, filepath.Join(b.dir, "load-ten"), ordersSync)
	if err != nil {
		return err
	}
	notef("%d rows: %.1f s (%s), %.1f s of CPU, peak %.0f MiB", 10*b.rows, ours.Seconds, ours.steps, ours.cpu, ours.Peak)
	return errors.Join(report("full_load_ten_peak_memory", ours.Peak, "MiB", 512), report("full_load_ten_seconds", ours.Seconds, "s", 0))
}

func (b *bench) lakeDir(run int) string { return filepath.Join(b.dir, fmt.Sprintf("load-%d", run)) }

func (b *bench) orders(rows int) (*testserver.Server, error) {
	server, err := testserver.StartMariaDB(testserver.WithArgs("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"))
	if err != nil {
		return nil, err
	}
	notef("filling orders with %d rows", rows)
	if err := execute(server, strings.ReplaceAll(ordersSQL, "seq_1_to_3000000", fmt.Sprintf("seq_1_to_%d", rows))); err != nil {
		return nil, errors.Join(err, server.Close())
	}
	return server, os.Setenv("TRIBUTARY_BENCH_PASSWORD", server.Password)
}

func execute(server *testserver.Server, statements string) (err error) {
	cfg, err := mysql.ParseDSN(server.DSN(""))
	if err != nil {
		return fmt.Errorf("the server's address: %w", err)
	}
	cfg.MultiStatements = true
	db, err := sql.Open("mysql", cfg.FormatDSN())
	if err != nil {
		return fmt.Errorf("open the server: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(context.Background(), statements); err != nil {
		return fmt.Errorf("fill the server: %w", err)
	}
	return nil
}

// loaded is what loading orders took.
type loaded struct {
	measured
	cpu   float64 // of the worker, in seconds
	steps string
}

// load runs one sync of orders by a new worker on an empty lake.
func (b *bench) load(ctx context.Context, server *testserver.Server, dir, sync string) (l loaded, err error) {
	s, err := ordersStack(ctx, server, dir, sync)
	if err != nil {
		return l, err
	}
	before := s.cpu()
	took, err := s.sync(ctx)
	l.Seconds, l.cpu = took.Seconds(), s.cpu()-before
	if err == nil {
		l.steps, err = s.lastSteps(ctx)
	}
	var stopErr error
	l.Peak, stopErr = s.stop()
	return l, errors.Join(err, stopErr)
}

func ordersStack(ctx context.Context, server *testserver.Server, dir, sync string) (*stack, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	acme := table.Client{ID: "acme", Region: "eu", Host: server.Host, Port: server.Port, Database: "shop", User: server.User}
	return startStack(ctx, dir, []table.Client{acme}, sync)
}

// dltLoad has dlt load orders into a Delta table, over one connection, as it does unless told how to split the table.
func (b *bench) dltLoad(ctx context.Context, server *testserver.Server) (measured, error) {
	dir := filepath.Join(b.dir, "dlt")
	if err := os.RemoveAll(dir); err != nil {
		return measured{}, fmt.Errorf("remove the last load: %w", err)
	}
	address := url.URL{
		Scheme: "mysql+pymysql", User: url.UserPassword(server.User, server.Password),
		Host: net.JoinHostPort(server.Host, fmt.Sprint(server.Port)), Path: "/shop",
	}
	arg, err := json.Marshal(map[string]any{"url": address.String(), "dir": dir, "rows": b.rows})
	if err != nil {
		return measured{}, fmt.Errorf("say what to load: %w", err)
	}
	return measure(exec.CommandContext(ctx, ".cache/peers/bin/python", "tests/bench/dlt_load.py", string(arg)))
}

// drain reads every row of orders over one connection with the binary protocol and drops it.
func drain(ctx context.Context, dsn string) (err error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return fmt.Errorf("open the server: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return conn.Raw(func(raw any) error {
		statement, err := raw.(driver.ConnPrepareContext).PrepareContext(ctx, "select * from orders")
		if err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
		defer func() { _ = statement.Close() }()
		rows, err := statement.(driver.StmtQueryContext).QueryContext(ctx, nil)
		if err != nil {
			return fmt.Errorf("query: %w", err)
		}
		defer func() { _ = rows.Close() }()
		row := make([]driver.Value, len(rows.Columns()))
		for {
			if err := rows.Next(row); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("read: %w", err)
			}
		}
	})
}
