package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/go-sql-driver/mysql"

	"tributary/internal/table"
	"tributary/internal/testserver"
)

//go:embed orders.sql
var ordersSQL string

const ordersSync = `
target: {schema: central}
tables:
  - {name: orders, cursor: updated_at}
`

// fullLoad measures a first load of orders, MariaDB to committed Delta table, against the driver
// reading and dropping the same rows over one connection.
func (b *bench) fullLoad(ctx context.Context) (err error) {
	server, err := b.orders()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	var ratios, peaks, drains, loads []float64
	for run := range b.runs {
		drained, err := child(ctx, "drain", server.DSN("shop"))
		if err != nil {
			return err
		}
		seconds, peak, err := b.load(ctx, server, b.lakeDir(run))
		if err != nil {
			return err
		}
		notef("run %d: drain %.2f s, full load %.2f s, peak %.0f MiB", run+1, drained.Seconds, seconds, peak)
		ratios, peaks = append(ratios, seconds/drained.Seconds), append(peaks, peak)
		drains, loads = append(drains, drained.Seconds), append(loads, seconds)
	}
	return errors.Join(
		report("full_load_vs_drain", median(ratios), "x", 2),
		report("full_load_peak_memory", median(peaks), "MiB", 1024),
		report("drain_seconds", median(drains), "s", 0),
		report("full_load_seconds", median(loads), "s", 0))
}

func (b *bench) lakeDir(run int) string { return filepath.Join(b.dir, fmt.Sprintf("load-%d", run)) }

func (b *bench) orders() (*testserver.Server, error) {
	server, err := testserver.StartMariaDB(testserver.WithArgs("--innodb-buffer-pool-size=1G", "--innodb-log-file-size=1G"))
	if err != nil {
		return nil, err
	}
	notef("filling orders with %d rows", b.rows)
	if err := execute(server, strings.ReplaceAll(ordersSQL, "seq_1_to_3000000", fmt.Sprintf("seq_1_to_%d", b.rows))); err != nil {
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

func (b *bench) load(ctx context.Context, server *testserver.Server, dir string) (seconds, peak float64, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, 0, fmt.Errorf("make a folder: %w", err)
	}
	acme := table.Client{ID: "acme", Region: "eu", Host: server.Host, Port: server.Port, Database: "shop", User: server.User}
	s, err := startStack(ctx, dir, []table.Client{acme}, ordersSync)
	if err != nil {
		return 0, 0, err
	}
	took, err := s.sync(ctx)
	peak, stopErr := s.stop()
	return took.Seconds(), peak, errors.Join(err, stopErr)
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
